//! An HTTPS server, or a client of one with two connections, with rustls.
//!
//! usage: web serve CERTIFICATE KEY          both in DER; prints its port; a path with "big" has a long answer
//!        web get PORT COUNT 1.2|1.3 [item|big]      waits for a line before it begins
use rustls::client::{ServerCertVerified, ServerCertVerifier};
use rustls::{Certificate, ClientConfig, ClientConnection, PrivateKey, ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &Certificate,
        _: &[Certificate],
        _: &rustls::ServerName,
        _: &mut dyn Iterator<Item = &[u8]>,
        _: &[u8],
        _: std::time::SystemTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
}

fn answer(raw: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, raw));
    loop {
        let (mut path, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line)? > 2 {
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or("").to_string();
            }
            line.clear();
        }
        if path.is_empty() {
            return Ok(());
        }
        // More than a session takes at once.
        let filling = "x".repeat(if path.contains("big") { 300_000 } else { 0 });
        let body = format!("{filling}answer to {path}\n");
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        reader.get_mut().write_all(text.as_bytes())?;
    }
}

fn serve(certificate: &str, key: &str) -> std::io::Result<()> {
    let config = ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(vec![Certificate(std::fs::read(certificate)?)], PrivateKey(std::fs::read(key)?))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for raw in listener.incoming() {
        let (raw, config) = (raw?, config.clone());
        std::thread::spawn(move || answer(raw, config));
    }
    Ok(())
}

fn get(
    port: u16,
    count: usize,
    version: &'static rustls::SupportedProtocolVersion,
    name: &str,
) -> std::io::Result<()> {
    let config = ClientConfig::builder()
        .with_safe_default_cipher_suites()
        .with_safe_default_kx_groups()
        .with_protocol_versions(&[version])
        .unwrap()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    let config = Arc::new(config);
    std::io::stdin().read_line(&mut String::new())?;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let connection = ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
        streams.push(StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", port))?));
    }
    for index in 0..count {
        for stream in &mut streams {
            write!(stream, "GET /{name}-{index} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        }
        let wanted = format!("answer to /{name}-{index}\n");
        for stream in &mut streams {
            let mut text = Vec::new();
            while !text.ends_with(wanted.as_bytes()) {
                let mut part = [0; 4096];
                let count = stream.read(&mut part)?;
                text.extend_from_slice(&part[..count]);
            }
        }
    }
    println!("done");
    Ok(())
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments[1] == "serve" {
        return serve(&arguments[2], &arguments[3]);
    }
    let version = if arguments[4] == "1.2" { &rustls::version::TLS12 } else { &rustls::version::TLS13 };
    let name = arguments.get(5).map_or("item", |name| name);
    get(arguments[2].parse().unwrap(), arguments[3].parse().unwrap(), version, name)
}
