// Requests over one connection with OpenSSL, after a line on standard input.
// usage: get PORT COUNT
// Built with -DPLAIN for a library without SSL_read_ex and SSL_write_ex.
#ifdef PLAIN
#define WRITE(ssl, text, size) (SSL_write(ssl, text, size) == (size))
#define READ(ssl, text, size, length) ((*(length) = (size_t)(result = SSL_read(ssl, text, (int)(size)))), result > 0)
#else
#define WRITE(ssl, text, size) SSL_write_ex(ssl, text, (size_t)(size), &length)
#define READ(ssl, text, size, length) SSL_read_ex(ssl, text, size, length)
#endif
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
    int result = 0;

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
        if (index % 2 ? SSL_write(ssl, text, written) != written : !WRITE(ssl, text, written)) return 6;
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "answer to /item-%d\n", index);
        size_t filled = 0;
        do {
            if (!READ(ssl, text + filled, sizeof(text) - 1 - filled, &length)) return 7;
            filled += length;
            text[filled] = 0;
        } while (!strstr(text, wanted));
    }
    SSL_shutdown(ssl);
    puts("done");
    return result < 0;
}
