// An HTTPS server, or a client of one: what a test needs of Go's own TLS.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

// usage: web serve CERTIFICATE KEY [http1]; web get URL COUNT [new]
func main() {
	if os.Args[1] == "serve" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "answer to %s\n", r.URL.Path)
		})}
		if len(os.Args) > 4 {
			server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
		panic(server.ServeTLS(listener, os.Args[2], os.Args[3]))
	}
	count, _ := strconv.Atoi(os.Args[3])
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: len(os.Args) > 4,
	}
	client := &http.Client{Transport: transport}
	for index := 0; index < count; index++ {
		response, err := client.Get(os.Args[2] + "/go-" + strconv.Itoa(index))
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	fmt.Println("done")
}
