/// A certificate of nobody and its key, for settings that name files with such.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBhTCCASugAwIBAgIUXCHiU3DF7w0IHaGWfRQoaHb8onMwCgYIKoZIzj0EAwIw
        FzEVMBMGA1UEAwwMTWFydGxldCB0ZXN0MCAXDTI2MTEyNDEyNDkwM1oYDzIxMjYx
        MDMxMTI0OTAzWjAXMRUwEwYDVQQDDAxNYXJ0bGV0IHRlc3QwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAARWL7/RGQOy4peV0ezzLrc2rg51GN7iUc7PY+kw4cj261JI
        sC85NNvu8Hl/GQO5Pe00y386AVYg82VPaHpchs7Ko1MwUTAdBgNVHQ4EFgQUCdxT
        cUWbe5E0oGP5EC1vKs0F4howHwYDVR0jBBgwFoAUCdxTcUWbe5E0oGP5EC1vKs0F
        4howDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBw6Pb9KGJkFmw4
        p7D6taptzYQLITTiu0rYjfIsSCMGZQIhAMh5WN/ugoni1xc5l8ss72MzYJ27l21h
        k3hh8O4hSIUR
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9IxlKbwPVzLDwpOY
        TM8Q9LJuJpyTkWqS5rl0ye4ded6hRANCAARWL7/RGQOy4peV0ezzLrc2rg51GN7i
        Uc7PY+kw4cj261JIsC85NNvu8Hl/GQO5Pe00y386AVYg82VPaHpchs7K
        -----END PRIVATE KEY-----
        """
}
