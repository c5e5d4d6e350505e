import CaudalModel
import Engine
import Foundation
import Testing

@Suite("Masking secrets", .timeLimit(.minutes(15)))
struct SecretMaskerTests {
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

    /// A secret with everything in it that encodings write otherwise.
    private static let secret = "pä\"ss/w0rd & <more>'😀+%"

    @Test(
        "A secret is met in the encodings that programs print",
        arguments: [
            #"pä\"ss\/w0rd & <more>'😀+%"#, #"p\u00e4\"ss/w0rd & <more>'\ud83d\ude00+%"#,
            #"p\u00E4\"ss\/w0rd \u0026 \u003cmore\u003e\u0027\uD83D\uDE00\u002b%"#,
            #"p\\u00e4\\\"ss/w0rd & <more>'\\ud83d\\ude00+%"#, #"p\xc3\xa4\"ss/w0rd & <more>\'\xf0\x9f\x98\x80+%"#,
            "p%C3%A4%22ss%2Fw0rd%20%26%20%3Cmore%3E%27%F0%9F%98%80%2B%25",
            "p%c3%a4%22ss/w0rd+%26+%3cmore%3e'%f0%9f%98%80%2b%25",
            "pä&quot;ss/w0rd &amp; &lt;more&gt;&#39;😀+%",
            "p&#228;&#34;ss&#x2F;w0rd &amp; &lt;more&gt;&#x27;&#128512;+%",
            "p&#xE4;&quot;ss/w0rd&nbsp;& <more>&apos;😀+%".replacingOccurrences(of: "&nbsp;", with: " "),
            "pä\"\"ss/w0rd & <more>''😀+%", "pä\"ss/\u{1b}[1;31mw0rd\u{1b}[0m & <more>'😀+%",
        ])
    func encodings(text: String) {
        let masker = SecretMasker(secrets: [Self.secret])
        #expect(masker.masked("a=\(text); b") == "a=••••; b")
    }

    @Test(
        "A secret is met as shells quote it, and where one encoding was put into another",
        arguments: [
            // `set -x`, `printf %q` and Python's `shlex.quote`, in UTF-8 and in the C locale.
            #"'pä"ss/w0rd & <more>'\''😀+%'"#, #"p\303\244\"ss/w0rd\ \&\ \<more\>\'\360\237\230\200+%"#,
            ##"'pä"ss/w0rd & <more>'"'"'😀+%'"##, #"$'p\303\244"ss/w0rd & <more>\'\360\237\230\200+%'"#,
            // Percent-encoded twice, with either case, and three times; a plus sign for a blank.
            "p%25C3%25A4%2522ss%252Fw0rd%2520%2526%2520%253Cmore%253E%2527%25F0%259F%2598%2580%252B%2525",
            "p%25c3%25a4%2522ss%252fw0rd%2b%2526%2B%253cmore%253e%2527%25f0%259f%2598%2580%252b%2525",
            "p%2525C3%2525A4%252522ss%25252Fw0rd%252520%252526%252520%25253Cmore%25253E%252527%2525F0"
                + "%25259F%252598%252580%25252B%252525",
            // HTML in HTML, in JSON and in a URL; other languages.
            "pä&amp;quot;ss/w0rd &amp;amp; &amp;lt;more&amp;gt;&amp;#39;😀+%",
            #"p\u00e4\u0026quot;ss/w0rd \u0026amp; \u0026lt;more\u0026gt;\u0026#39;\ud83d\ude00+%"#,
            "p%C3%A4%26quot;ss/w0rd %26amp%3B <more>%26%2339%3b😀+%", #"p\xe4\"ss/w0rd & <more>'😀+%"#,
            #"p\u{e4}\"ss/w0rd & <more>\'\u{1F600}+%"#,
        ])
    func nested(text: String) {
        let masker = SecretMasker(secrets: [Self.secret])
        let shown = masker.masked("a=\(text); b")
        #expect(["a=••••; b", "a='••••'; b", "a=$'••••'; b"].contains(shown), "\(shown)")
    }

    @Test("Control characters of a secret are met as shells write them")
    func controls() {
        let masker = SecretMasker(secrets: ["a\u{1b}b\u{7}c\td\u{1}'e"])
        #expect(masker.masked(#"T=$'a\Eb\ac\td\001\'e'"#) == "T=$'••••'")
    }

    @Test(
        "A secret is met in a line of a hex dump",
        arguments: [
            "68 75 6e 74 65 72 32 2d  68 75 6e 74 65 72 32", "6875 6e74 6572 322d 6875 6e74 6572 32",
            "68:75:6E:74:65:72:32:2D:68:75:6E:74:65:72:32",
            "0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32, 0x2d, 0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32",
        ])
    func hexDumps(dump: String) {
        let shown = SecretMasker(secrets: ["hunter2-hunter2"]).masked("00000000: \(dump)  |hunter2-hunter2|")
        #expect(shown == "00000000: ••••  |••••|" || shown == "00000000: 0x••••  |••••|")
    }

    @Test("A secret is met in base64 and hexadecimal, whatever stands around it")
    func binary() {
        let masker = SecretMasker(secrets: ["hunter2-hunter2"])
        for prefix in ["", "u", "us", "user:"] {
            for suffix in ["", "\n", "xy", "xyz"] {
                let encoded = Data((prefix + "hunter2-hunter2" + suffix).utf8).base64EncodedString()
                let shown = masker.masked("Authorization: Basic \(encoded).")
                #expect(shown.contains("••••"), "\(prefix)|\(suffix): \(shown)")
                // At most what stood around it is left.
                #expect(shown.count < 32 + (prefix + suffix).count * 2, "\(prefix)|\(suffix): \(shown)")
            }
        }
        let urlSafe = SecretMasker(secrets: ["??>>??>>??>>"])
        #expect(urlSafe.masked("Pz8-Pj8_Pj4_Pz4-") == "••••")
        let hex = "68756e746572322d68756e74657232"
        #expect(masker.masked("0x\(hex)") == "0x••••")
        #expect(masker.masked(hex.uppercased()) == "••••")
    }

    @Test("Of secrets that overlap nothing is left")
    func overlapping() {
        let masker = SecretMasker(secrets: ["abcdef", "defghijk"])
        #expect(masker.masked("x abcdefghijk y") == "x •••• y")
    }

    @Test("Text that only looks a little like it stays")
    func others() {
        let masker = SecretMasker(secrets: [Self.secret, "hunter2-hunter2"])
        for text in [
            "p%C3%A4%22", "Hunter2-hunter2", #"C:\hunter2\hunter2"#, "100% & more", "hunter2+hunter2", "&amp;",
            "hunter2%252-hunter2", "hunter2&amp;amp;hunter2", #"it'\''s"#,
        ] {
            #expect(masker.masked(text) == text)
        }
    }

    @Test("A text that is cut within a secret is kept only up to it")
    func cut() {
        let masker = SecretMasker(secrets: ["hunter2-hunter2", "it's me"])
        for (text, kept) in [
            ("say it'\\'", "say "), ("say it'\"", "say "), ("say it\\04", "say "), ("say it&amp;#3", "say "),
            ("say hunter2-hun", "say "), ("say hunter2%2", "say "), ("say hunter2%252", "say "),
            ("say aHVudGVyMi1od", "say "), ("say so", "say so"),
        ] {
            let length = Array(text.utf8).withUnsafeBufferPointer(masker.lengthBeforeCutSecret)
            #expect(String(decoding: text.utf8.prefix(length), as: UTF8.self) == kept)
        }
    }
}

@Suite("Names of secrets", .timeLimit(.minutes(15)))
struct SecretNamesTests {
    @Test(
        "These names are secret",
        arguments: [
            "PGPASSWORD", "api_token", "MY_SECRET_X", "AWS_ACCESS_KEY_ID", "DB_PWD", "MYSQL_PWD", "SMTP_PASS", "PASS",
            "PASSPHRASE", "HTTP_AUTH", "basic-auth", "CREDENTIALS", "GCP_CREDENTIAL", "AWS_CREDS", "licence",
        ])
    func secret(name: String) { #expect(SecretNames(["LICENCE"]).isSecret(name)) }

    @Test(
        "These names are not",
        arguments: [
            "PWD", "OLDPWD", "SSH_AUTH_SOCK", "GIT_AUTHOR_NAME", "PASSENGERS", "COMPASS", "HOME", "REGION", "LICENCE",
        ])
    func harmless(name: String) { #expect(!SecretNames().isSecret(name)) }

    @Test(
        "Passwords are found inside of URLs and DSNs, under any name",
        arguments: [
            ("postgres://ann:word-1@db/x", ["word-1"]), ("redis://:word-2@cache:6379/0", ["word-2"]),
            ("https://ann:w%C3%B6rd%2F3@h/p", ["w%C3%B6rd%2F3", "wörd/3"]), ("amqp://a:p@ss@h", ["p@ss"]),
            ("postgres://ann:wo/rd@db/x", ["wo/rd"]), ("host=db password=word-4 user=ann", ["word-4"]),
            ("host=db password='wo\\'rd 5' user=ann", ["wo'rd 5"]), ("Server=db;UID=ann;PWD=my word 6;", ["my word 6"]),
            ("Driver={x};Pwd={a}};b};Server=h", ["a};b"]),
            ("jdbc:postgresql://h/db?user=a&password=word-7&ssl=true", ["word-7"]),
            ("ann:word-8@tcp(db:3306)/x", ["word-8"]),
            ("mongodb://a:w1@h1,h2/?authSource=x https://b:w2@h", ["w1", "w2"]),
        ])
    func inside(value: String, expected: [String]) {
        #expect(SecretNames().secrets(in: ["ANY": value]) == expected)
    }

    @Test(
        "Everyday values hold none",
        arguments: [
            "https://example.com/a?mail=ann@example.com", "http://h:8080/x?to=a@b", "a=b c=d", "user@host:22",
            "x = 1; y = 2",
        ])
    func everyday(value: String) { #expect(SecretNames().secrets(in: ["ANY": value]).isEmpty) }

    @Test("Words that settings have are no secrets, and empty values neither")
    func settings() {
        #expect(SecretNames().secrets(in: ["TOKENIZERS_PARALLELISM": "false", "TOKEN": ""]).isEmpty)
        #expect(SecretNames().secrets(in: ["API_TOKEN": "four"]) == ["four"])
    }
}
