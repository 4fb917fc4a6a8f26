// An HTTPS server, or a client of one, with Go's own TLS.
//
// usage: web serve CERTIFICATE KEY          prints its port
//        web get URL COUNT                  waits for a line before it begins
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

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
		// HTTP/1 only: it is read as text.
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		panic(server.ServeTLS(listener, os.Args[2], os.Args[3]))
	}
	count, _ := strconv.Atoi(os.Args[3])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	bufio.NewReader(os.Stdin).ReadString('\n')
	for index := 0; index < count; index++ {
		response, err := client.Get(os.Args[2] + "/item-" + strconv.Itoa(index))
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	fmt.Println("done")
}
