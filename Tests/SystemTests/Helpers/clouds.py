"""Metadata services of nine clouds with recorded replies, and services that misbehave.

usage: clouds.py MODE LOG [PREFIX]     MODE is a cloud, or html, huge, drip or silent

Listens on port 80 of every address, appends one line for each request to LOG and prints "ready". With PREFIX, only paths
that begin with it are known. Values are made up; shapes and conditions are those that the clouds document.
"""
import http.server
import json
import sys
import time

mode, log, prefix = sys.argv[1], sys.argv[2], (sys.argv[3:] + [""])[0]
NOT_FOUND = "<?xml version='1.0'?><html><body><h1>404 - Not Found</h1></body></html>"

AWS_TOKEN = "AQAEAKx1nWm3X0example=="
aws = {
    "instance-id": "i-0abc1234def567890",
    "instance-life-cycle": "spot",
    "instance-type": "m7i.large",
    "placement/region": "eu-west-1",
    "placement/availability-zone": "eu-west-1b",
    "placement/availability-zone-id": "euw1-az2",
    "local-ipv4": "10.1.2.3",
    "identity-credentials/ec2/info": json.dumps(
        {"Code": "Success", "LastUpdated": "2024-05-01T10:00:00Z", "AccountId": "123456789012"}, indent=2),
}
gcp = {
    "project/project-id": "shop-prod-1",
    "instance/id": "4520031799277581759",
    "instance/network-interfaces/0/ip": "10.128.0.5",
    "instance/network-interfaces/0/access-configs/0/external-ip": "203.0.113.9",
    "instance/scheduling/preemptible": "FALSE",
    "instance/machine-type": "projects/739419398126/machineTypes/n2-standard-4",
    "instance/zone": "projects/739419398126/zones/us-central1-a",
}
azure = {
    "compute": {
        "azEnvironment": "AzurePublicCloud", "location": "westeurope", "name": "node-1", "osType": "Linux",
        "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d", "tagsList": [], "userData": "QQ==" * 1000,
        "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6", "vmSize": "Standard_D4s_v5", "zone": "2",
    },
    "network": {"interface": [
        {"ipv4": {"ipAddress": [{"privateIpAddress": "10.144.133.132", "publicIpAddress": "203.0.113.10"}],
                  "subnet": [{"address": "10.144.133.128", "prefix": "26"}]},
         "ipv6": {"ipAddress": []}, "macAddress": "0011AAFFBB22"},
        {"ipv4": {"ipAddress": [{"privateIpAddress": "10.9.9.9", "publicIpAddress": ""}]}},
    ]},
}
hetzner = """availability-zone: fsn1-dc14
hostname: node-1
instance-id: 4711
local-ipv4: ''
network-config:
  config:
  - mac_address: 96:00:00:11:22:33
    name: eth0
    subnets:
    - dns_nameservers:
      - 185.12.64.1
      ipv4: true
      type: dhcp
    type: physical
  version: 1
public-ipv4: 203.0.113.11
public-keys:
- ssh-ed25519 AAAA user: none
region: eu-central
vendor_data: |
  #cloud-config
  region: nowhere
"""
digital_ocean = {"id": "2756294", "region": "nyc3"}
alibaba = {
    "instance-id": "i-bp13znx0m0me8cquq1ab", "region-id": "cn-hangzhou", "zone-id": "cn-hangzhou-i",
    "owner-account-id": "1609780321234567", "instance/instance-type": "ecs.g6.large", "private-ipv4": "172.16.0.4",
}
scaleway = """TAGS=0
ID=11111111-2222-3333-4444-555555555555
NAME=scw-node
COMMERCIAL_TYPE=DEV1-S
ZONE=fr-par-1
LOCATION=ZONE_ID CLUSTER_ID
LOCATION_ZONE_ID=par1
"""
IBM_TOKEN = "eyJhbGciOiJIUzI1NiJ9.example.token"
ibm = {
    "id": "0717_2b3c7a05-3a7a-4f4c-9a4b-1e2d3c4b5a69", "name": "node-1", "memory": 8,
    "profile": {"name": "bx2-2x8"}, "zone": {"name": "us-south-3"}, "vcpu": {"architecture": "amd64", "count": 2},
}
oracle = {
    "availabilityDomain": "EMIr:PHX-AD-2", "canonicalRegionName": "us-phoenix-1", "faultDomain": "FAULT-DOMAIN-3",
    "id": "ocid1.instance.oc1.phx.example", "region": "phx", "shape": "VM.Standard.E4.Flex",
}


def answer(method, path, headers):
    """Status and body."""
    def tree(root, values):
        key = path.removeprefix(root)
        return (200, values[key]) if path.startswith(root) and key in values else (404, NOT_FOUND)

    if mode == "AWS":
        if method == "PUT" and path == "/latest/api/token":
            seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            return (200, AWS_TOKEN) if seconds == "21600" else (400, "")
        if headers.get("X-aws-ec2-metadata-token") != AWS_TOKEN:
            return 401, ""
        return tree("/latest/meta-data/", aws)
    if mode == "GCP":
        if headers.get("Metadata-Flavor") != "Google":
            return 403, "Missing Metadata-Flavor:Google header."
        return tree("/computeMetadata/v1/", gcp)
    if mode == "Azure":
        if headers.get("Metadata", "").lower() != "true":
            return 400, json.dumps({"error": "Bad request. Required metadata header not specified"})
        wanted = "/metadata/instance?format=json&api-version=2021-05-01"
        return (200, json.dumps(azure)) if path == wanted else (404, NOT_FOUND)
    if mode == "Hetzner":
        return (200, hetzner) if path == "/hetzner/v1/metadata" else (404, NOT_FOUND)
    if mode == "DigitalOcean":
        return tree("/metadata/v1/", digital_ocean)
    if mode == "Alibaba":
        return tree("/latest/meta-data/", alibaba)
    if mode == "Scaleway":
        return (200, scaleway) if path == "/conf" else (404, NOT_FOUND)
    if mode == "IBM":
        if method == "PUT" and path == "/instance_identity/v1/token?version=2025-04-22":
            if headers.get("Metadata-Flavor") != "ibm":
                return 400, ""
            return 200, json.dumps({"access_token": IBM_TOKEN, "expires_in": 300})
        if headers.get("Authorization") != "Bearer " + IBM_TOKEN:
            return 401, ""
        return (200, json.dumps(ibm)) if path.split("?")[0] == "/metadata/v1/instance" else (404, NOT_FOUND)
    if mode == "Oracle":
        if headers.get("Authorization") != "Bearer Oracle":
            return 404, NOT_FOUND
        return (200, json.dumps(oracle)) if path == "/opc/v2/instance/" else (404, NOT_FOUND)
    return 200, NOT_FOUND


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_request(self):
        with open(log, "a") as file:
            print(self.command, self.path, self.headers.get("Host"), file=file)
        if mode == "silent":
            time.sleep(600)
        status, body = answer(self.command, self.path, self.headers)
        if not self.path.startswith(prefix):
            status, body = 404, NOT_FOUND
        self.send_response(status)
        if mode in ("huge", "drip"):
            self.end_headers()
            piece = b"x" if mode == "drip" else b"x" * 65536
            while True:
                self.wfile.write(piece)
                if mode == "drip":
                    time.sleep(0.1)
        data = body.encode()
        self.send_header("Content-Type", "text/html" if body == NOT_FOUND else "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = handle_request

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("0.0.0.0", 80), Handler)
print("ready", flush=True)
server.serve_forever()
