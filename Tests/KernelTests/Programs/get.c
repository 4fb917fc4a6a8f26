// Requests over one connection with OpenSSL, after a line on standard input.
// usage: get PORT COUNT
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[4096];
    size_t length;

    if (count != 3) return 2;
    address.sin_port = htons((unsigned short)atoi(arguments[1]));
    if (!fgets(text, sizeof(text), stdin)) return 3;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int file = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(file, (struct sockaddr *)&address, sizeof(address))) return 4;
    SSL_set_fd(ssl, file);
    if (SSL_connect(ssl) != 1) return 5;
    for (int index = 0; index < atoi(arguments[2]); index++) {
        int written = snprintf(text, sizeof(text), "GET /item-%d HTTP/1.1\r\nHost: localhost\r\n\r\n", index);
        // Both pairs of functions.
        if (index % 2 ? SSL_write(ssl, text, written) != written : !SSL_write_ex(ssl, text, (size_t)written, &length)) return 6;
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "answer to /item-%d\n", index);
        size_t filled = 0;
        do {
            if (!SSL_read_ex(ssl, text + filled, sizeof(text) - 1 - filled, &length)) return 7;
            filled += length;
            text[filled] = 0;
        } while (!strstr(text, wanted));
    }
    SSL_shutdown(ssl);
    puts("done");
    return 0;
}
