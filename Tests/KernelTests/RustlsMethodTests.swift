import Testing

@testable import Probes

extension KernelTests {
    /// Names as nm prints them of programs that Rust 1.63 and 1.95 made, with rustls 0.20 and 0.23.
    @Suite struct RustlsMethods {
        @Test func names() {
            let names: [(String, RustlsMethod?)] = [
                (
                    "_ZN87_$LT$rustls..conn..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn..PlaintextSink$GT$"
                        + "5write17h87167a26502ee832E", .write
                ),
                (
                    "_ZN99_$LT$rustls..conn..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn..connection.."
                        + "PlaintextSink$GT$14write_vectored17h2597bd174f21537eE", .writeParts
                ),
                (
                    "_RNvXs3_NtCs8AmdfvYorNV_6rustls4connINtB5_16ConnectionCommonNtNtNtB7_6client11client_conn20"
                        + "ClientConnectionDataENtB5_13PlaintextSink5writeCsj9K79FdT7Ko_3web", .write
                ),
                (
                    "_RNvXs3_NtCs8AmdfvYorNV_6rustls4connINtB5_16ConnectionCommonNtNtNtB7_6client11client_conn20"
                        + "ClientConnectionDataENtB5_13PlaintextSink14write_vectoredCsj9K79FdT7Ko_3web", .writeParts
                ),
                (
                    "_RNvXs3_NtCs8AmdfvYorNV_6rustls4connINtB5_16ConnectionCommonNtNtNtB7_6client11client_conn20"
                        + "ClientConnectionDataENtB5_13PlaintextSink5flushCsj9K79FdT7Ko_3web", nil
                ),
                ("_ZN6rustls12common_state11CommonState16buffer_plaintext17h979fba41a26764c0E", .writeChunks),
                ("_ZN6rustls4conn11CommonState19send_some_plaintext17h3cdc83c98083a39cE", .writeSome),
                (
                    "_ZN141_$LT$rustls..client..tls13..ExpectTraffic$u20$as$u20$rustls..common_state..State$LT$"
                        + "rustls..client..client_conn..ClientConnectionData$GT$$GT$6handle17h78e9791f23671d6eE",
                    .receive
                ),
                (
                    "_ZN142_$LT$rustls..server..hs..ExpectClientHello$u20$as$u20$rustls..common_state..State$LT$"
                        + "rustls..server..server_conn..ServerConnectionData$GT$$GT$6handle17h81fde1b5f2d77b3fE",
                    .handshake
                ),
                (
                    "_ZN142_$LT$rustls..client..tls12..ExpectFinished$u20$as$u20$rustls..common_state..State$LT$"
                        + "rustls..client..client_conn..ClientConnectionData$GT$$GT$"
                        + "20handle_decrypt_error17hc0da39c2353b69cdE", nil
                ),
                (
                    "_RNvXs5_NtNtCs8AmdfvYorNV_6rustls6server5tls13NtB5_13ExpectTrafficINtNtB9_4conn5StateNtNtB7_11"
                        + "server_conn20ServerConnectionDataE6handle", .receive
                ),
                (
                    "_RNvXs5_NtNtCs8AmdfvYorNV_6rustls6server5tls13NtB5_13ExpectTrafficINtNtB9_4conn5StateNtNtB7_11"
                        + "server_conn20ServerConnectionDataE24perhaps_write_key_update", nil
                ),
                (
                    "_RNvXs3_NtNtCs8AmdfvYorNV_6rustls6server5tls13NtB5_14ExpectFinishedINtNtB9_4conn5StateNtNtB7_11"
                        + "server_conn20ServerConnectionDataE6handle", .handshake
                ),
                (
                    "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeNtNtNtCs8AmdfvYorNV_6rustls6client5tls1313"
                        + "ExpectTrafficEBM_", nil
                ),
            ]
            for (name, method) in names {
                #expect(RustlsMethod(symbol: name) == method, "\(name)")
                #expect(method == nil || RustlsMethod.words.contains { name.contains($0) }, "\(name)")
            }
        }
    }
}
