/// A program for functions of libraries and programs (bpf/tls.bpf.h), by its name there.
public enum ProbeProgram: String, Sendable, CaseIterable {
    case sslWrite = "tls_ssl_write"
    case sslWriteEx = "tls_ssl_write_ex"
    case sslWriteReturn = "tls_ssl_write_return"
    case sslRead = "tls_ssl_read"
    case sslReadEx = "tls_ssl_read_ex"
    case sslReadReturn = "tls_ssl_read_return"
    case sslHandshake = "tls_ssl_handshake"
    case gnutlsSend = "tls_gnutls_send"
    case gnutlsSendReturn = "tls_gnutls_send_return"
    case gnutlsReceive = "tls_gnutls_receive"
    case gnutlsReceiveReturn = "tls_gnutls_receive_return"
    case goWrite = "tls_go_write"
    case goRead = "tls_go_read"
    case goReadReturn = "tls_go_read_return"
}
