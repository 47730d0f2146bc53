"""Where the service must never go, in all the ways in which somebody may say so."""

# ruff: noqa: RUF001  # letters that look like others are what is tried


def words(text: str) -> list[str]:
    return text.split()


# Addresses that are not public. Each is tried as the host of a URL and as what a name resolves to.
V4 = words("""
    0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
    127.0.0.53 127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255
    192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1
    192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 232.1.1.1
    239.255.255.250 240.0.0.1 255.255.255.254 255.255.255.255
    10.0.2.2 10.96.0.1 100.100.100.100 127.0.1.1 169.254.42.42 169.254.169.123 169.254.169.253 169.254.170.23
    172.17.0.1 192.0.0.9 192.0.0.10 192.168.65.254 198.18.0.2 233.252.0.1 0.1.2.3 10.10.10.10 100.64.100.1 127.1.2.3
    169.254.1.1 192.168.1.254 224.0.0.251 250.1.2.3
""")
V6 = words("""
    :: ::1 ::2 ::127.0.0.1 ::7f00:1 ::a9fe:a9fe ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1
    ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::ffff:0:0 ::ffff:0:127.0.0.1 0:0:0:0:0:0:0:1
    0000:0000:0000:0000:0000:0000:0000:0001 0:0:0:0:0:ffff:7f00:0001 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
    64:ff9b::10.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::1 64:ff9b:1:fffe::7f00:1 100::1 100:0:0:1::1 1fff:ffff::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 2002::1
    2002:7f00:1:: 2002:a9fe:a9fe:: 2002:a00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1 5f00::1
    8000::1 fc00::1 fd00:ec2::254 fd12:3456:789a::1 fe80::1 fe80::5efe:7f00:1 febf::1 fec0::1 feff::1 ff02::1
    ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
    ::10.0.0.1 ::169.254.169.254 ::ffff:100.100.100.200 ::ffff:168.63.129.16 ::ffff:192.168.0.1 0:0:0:0:0:ffff:a00:1
    64:ff9b::c0a8:101 64:ff9b::6440:1 64:ff9b:1::a9fe:a9fe 2001:1::1 2001:3::1 2001:4:112::1 2001:20::1 2001:30::1
    2002:c0a8:101::1 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe fc00:1::1 ff02::2
    ff02::fb ff05::2
""")
ADDRESSES = V4 + V6

# Their neighbours, which are public.
PUBLIC = words("""
    1.0.0.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15
    168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.31.195.255
    192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.114.0
    223.255.255.255 2001:200::1 2001:db7:ffff::1 2001:db9::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111
    2620:4f:8001::1 2a00::1 3ffe:ffff::1
""")

# URLs that are refused before anybody is asked for an address. PORT is where the canary listens.
URLS = [
    # an IPv4 address as some programs read it
    *(
        f"https://{host}:PORT/"
        for host in words("""
            0 00 1 127.1 127.0.1 10.1 2130706433 017700000001 0177.0.0.1 0177.0.0.01 127.0.0.01 127.00.0.1 00127.0.0.1
            0x7f.1 0x7F.0.0.1 0x7f000001 0X7F000001 0x7f.0x0.0x0.0x1 127.0x1 0xa9fea9fe 2852039166 0251.0376.0251.0376
            169.254.43518 1.2.3.256 1.2.3.4.5 256.1.1.1 999.999.999.999 4294967296 0x 1.0x evil.example.1 example.0x7f
            127.0.0.1. 127.0.0.1.. .127.0.0.1 127..0.0.1 127.0.0.1,8.8.8.8 8.8.8.8%00127.0.0.1 127.0.0.1%00 127%2e0.0.1
            %31%32%37.0.0.1
        """)
    ),
    # other scripts' digits and dots
    "https://127。0。0。1。:PORT/",
    "https://１２７.0.0.1:PORT/",
    "https://①②⑦.⓪.⓪.①:PORT/",
    "https://127.0.0.𝟣:PORT/",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
    "https://localhost。:PORT/",
    # IPv6 in and out of brackets
    *(
        f"https://{host}:PORT/"
        for host in words("""
            [::1%lo] [::1%25lo] [fe80::1%25eth0] [2606:4700::1%25lo] [::1 [::1]] [[::1]] [] [:] [127.0.0.1] [localhost]
            [::ffff:127.0.0.1.] [::ffff:0x7f.0.0.1] [::1]x x[::1] [v1.x] [1:2:3:4:5:6:7:8:9] [::12345] [::ffff:127.1]
        """)
    ),
    "https://::1/",
    "https://::1:PORT/",
    # names that are none
    *(
        f"https://{host}:PORT/"
        for host in words("""
            localhost. example.com. .example.com example..com -example.com example-.com exa_mple.com exa*mple.com
            exa$(id).com exa'mple.com example.com, {example.com} <example.com> "example.com" example%2ecom
            example%00.com example%0d%0ahost:x exa|mple.com exa^mple.com exa`mple.com ~ ! xn--a。
        """)
    ),
    f"https://{'a' * 64}.example:PORT/",
    f"https://{'a.' * 127}example:PORT/",
    "https://a\u200db.example:PORT/",
    "https://\u2100.example:PORT/",
    "https://\u202eexample.com:PORT/",
    # who, and where to
    "https://user@localhost:PORT/",
    "https://user:password@localhost:PORT/",
    "https://@localhost:PORT/",
    "https://:@localhost:PORT/",
    "https://8.8.8.8@localhost:PORT/",
    "https://8.8.8.8:80@localhost:PORT/",
    "https://localhost:PORT@8.8.8.8:x/",
    "https://8.8.8.8%40localhost:PORT/",
    "https://8.8.8.8\\@localhost:PORT/",
    "https://localhost:PORT\\@8.8.8.8/",
    "https://8.8.8.8\\.localhost:PORT/",
    "https:\\\\localhost:PORT\\",
    "https://localhost\\:PORT/",
    "https:/\\localhost:PORT/",
    "https://localhost:PORT/\\..",
    "https://8.8.8.8#@localhost:PORT/",
    "https://8.8.8.8#",
    "https://example.com/#fragment",
    # blanks and what cannot be seen
    " https://localhost:PORT/",
    "https://localhost:PORT/ ",
    "https://local host:PORT/",
    "https://localhost:PORT/a b",
    "https://localhost\t:PORT/",
    "ht\ntps://localhost:PORT/",
    "https://localhost:PORT/\r\nHost: x",
    "https://localhost:PORT/\0",
    "https://localhost\0.example.com:PORT/",
    "https://localhost:PORT/\x7f",
    "https://localhost:PORT/\x85",
    "https://localhost:PORT/\u2028",
    "https://localhost:PORT/\ud800",
    "https://local\u00adhost:PORT/",
    "\ufeffhttps://localhost:PORT/",
    # other schemes, or none
    "http://localhost:PORT/",
    "http://127.0.0.1:PORT/",
    "http://8.8.8.8:PORT/",
    "http://example.com/",
    "HTTP://localhost:PORT/",
    *(
        f"{scheme}://localhost:PORT/"
        for scheme in words("file gopher ftp ws wss dict ldap tftp unix http+unix httpss xhttps")
    ),
    "file:///etc/passwd",
    "https:localhost:PORT/",
    "https:/localhost:PORT/",
    "https:///localhost:PORT/",
    "https:////localhost:PORT/",
    "https://",
    "https:///",
    "https://?x",
    "//localhost:PORT/",
    "localhost:PORT/",
    "/",
    "",
    "data:,x",
    "url:https://localhost:PORT/",
    # ports
    *(
        f"https://example.com:{port}/"
        for port in words("0 1 21 22 25 80 110 389 445 1023 65536 99999 443x -1 +8443 8_443 ４４３ 0x1bb 443:443")
    ),
    "https://example.com:/",
    f"https://example.com/{'a' * 2_048}",
]

# What a name may resolve to, so that one look at one address does not do.
MIXED = [
    ("8.8.8.8", "127.0.0.1"),
    ("127.0.0.1", "8.8.8.8"),
    ("8.8.8.8", "1.1.1.1", "9.9.9.9", "8.8.4.4", "10.0.0.1"),
    ("2606:4700:4700::1111", "::1"),
    ("8.8.8.8", "::1"),
    ("2606:4700:4700::1111", "169.254.169.254"),
    ("8.8.8.8", "::ffff:127.0.0.1"),
    ("8.8.8.8", "64:ff9b::7f00:1"),
    ("8.8.8.8", "fe80::1%eth0"),
    ("2606:4700:4700::1111%eth0",),
    ("::1%lo",),
    ("8.8.8.8", "0.0.0.0"),  # noqa: S104  # nobody listens there
]
