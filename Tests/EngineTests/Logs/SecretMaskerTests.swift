import Engine
import Testing

@Suite struct SecretMaskerTests {
    @Test("Secrets become dots wherever they stand, the longest first")
    func masks() {
        let masker = SecretMasker(secrets: ["hunter2", "hunter2extended", "pass\"word", "it's me"])
        #expect(masker.masked("a hunter2extended b hunter2 c") == "a •••• b •••• c")
        #expect(masker.masked("hunter2hunter2") == "••••••••")
        #expect(masker.masked(#"{"x":"pass\"word"}"#) == #"{"x":"••••"}"#)
        #expect(masker.masked("SELECT 'it''s me'") == "SELECT '••••'")
        #expect(masker.masked("nothing here") == "nothing here")
    }

    @Test("Each line of a secret of several lines is masked")
    func severalLines() {
        let masker = SecretMasker(secrets: ["-----BEGIN\nabcdefgh\n-----END"])
        #expect(masker.masked("key abcdefgh") == "key ••••")
    }

    @Test("Short and empty values are not masked, because harmless text holds them")
    func shortSecrets() {
        #expect(SecretMasker(secrets: ["", "abc"]).isEmpty)
        #expect(SecretMasker(secrets: ["abc"]).masked("abc") == "abc")
    }

    @Test("Secrets are known by the names of their variables")
    func names() {
        let found = SecretMasker.secrets(in: [
            "PGPASSWORD": "one1", "api_token": "two2", "MY_SECRET_X": "three", "AWS_ACCESS_KEY_ID": "four",
            "HOME": "/root", "TOKEN": "",
        ])
        #expect(Set(found) == ["one1", "two2", "three", "four"])
    }
}
