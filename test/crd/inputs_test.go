package crd_test

import (
	"slices"
	"strconv"
	"strings"
)

// callbackURLs are hosts × ports × tails, every ASCII character in every part of a URL, and what else was ever trouble. Each is there once.
func callbackURLs() []string {
	hosts := []string{
		"fota.example.com", "FOTA.Example.COM", "localhost", "a", "a.", ".a", "a..b", "-a-", "a_b", "xn--fta-ula.example.com", "föta.example.com",
		"192.0.2.1", "192.0.2.256", "0x7f.1", "2130706433", "[::1]", "[2001:db8::1]", "[::ffff:192.0.2.1]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
		"[fe80::1%25]", "[::1", "::1", "[]", "[ ]", "[a]", "[192.0.2.1]", "[::1]x", "x[::1]", "", ".", "..", "%66ota.example.com", "a%2eb", "a%2Fb", "a%00b",
		"a%", "a%zz", "a b", "a\tb", "a\"b", "a'b", "a\\b", "a@b", "user@a", "user:pw@a", "@", "a,b", "a;b", "a&b", "a*b", "a!b", "a$b", "a|b", "a^b", "a`b", "a<b>", "{a}", "~a", "a=b", "a+b", "(a)",
		strings.Repeat("a", 63) + ".example.com", strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 200) + "com",
	}
	ports := []string{
		"", ":", ":0", ":00", ":1", ":443", ":0443", ":8443", ":65535", ":65536", ":65540", ":66000", ":70000", ":99999", ":100000", ":065535", ":0065536",
		":00000000000000000000000080", ":99999999999999999999", ":-1", ":+80", ": 80", ":80 ", ":8 0", ":http", ":8a", ":80:90", "::80", ":%38", ":８０",
	}
	tails := []string{
		"", "/", "//", "/callbacks", "/callbacks/", "/..", "/../..", "/./a", "/%2e%2e", "/%2E%2e/%2f", "/%", "/%2", "/%zz", "/%00", "/\x00", "/a b", "/a%20b",
		"/é", "/%C3%A9", "/\u202e", "/\ufeff", "/😀", "/a\\b", "/a\"b", "/a'b", "/<script>", "/{id}", "/a|b", "/a^b", "/a`b", "/[a]", "/a;b=c", "/a:b@c", "/@", "/http://b", "/https://b:99999/",
		"?", "?a=b", "?a=%zz", "?a=%", "?a=b?c", "?a=\"b\"", "?a=b c", "?a=é", "?https://u:p@h", "?a:99999", "#", "#a", "/#", "/a#b", "/a%23b", "?a#b", "?a=b#",
		"\n", "/\n", "/a\r\nHost: b", "/\t", "/\x7f", "/\u0080", ";a", "&a", "\\", "\\@b", "/:99999/", "/a:99999",
	}
	urls := []string{
		"", " ", "https", "https:", "https:/", "https://", "https:///", "https:////a", "https:a", "https:/a/b", "https:\\\\a", "//a/b", "/a/b", "a/b", "a", "?", "#", "..",
		"http://a/", "HTTPS://a/", "Https://a/", "httpss://a/", "xhttps://a/", "ftp://a/", "file:///a", "javascript:alert(1)", "data:,a", "mailto:a@b", "urn:a:b",
		" https://a/", "https://a/ ", "\thttps://a/", "https ://a/", "https:// a/", "\ufeffhttps://a/", "https://a/https://b/", "https://https://a/", "https://a,https://b/",
		"ｈttps://a/", "https：//a/", "https://ａ/", "https://a／b", "https://a。b/", "https://\u200ba/", "https://a\u00ad/",
	}
	for _, port := range ports {
		for _, host := range hosts {
			urls = append(urls, "https://"+host+port+"/callbacks")
		}
	}
	for _, tail := range tails {
		for _, host := range []string{"fota.example.com", "fota.example.com:", "fota.example.com:8443", "fota.example.com:65536", "[2001:db8::1]", "[2001:db8::1]:8443", "[::1]:http"} {
			urls = append(urls, "https://"+host+tail)
		}
	}
	for _, around := range []string{"|https://a.example.com:8443/b?c", "https://|a.example.com:8443/b?c", "https://a|.example.com:8443/b?c", "https://a.example.com|:8443/b?c", "https://[::|1]/b", "https://[::1]|/b",
		"https://a.example.com:8|443/b?c", "https://a.example.com:8443|/b?c", "https://a.example.com:8443/b|?c", "https://a.example.com:8443/b?c|"} {
		urls = append(urls, everyCharacterIn(around)...)
	}
	for _, length := range []int{64, 255, 256, 512, 1024, 2047, 2048, 2049, 4096, 65536} {
		urls = append(urls, aURL+"/"+strings.Repeat("x", length-len(aURL)-1), "https://"+strings.Repeat("h", length-len("https://")))
	}
	return unique(urls)
}

// accounts are every ASCII character at the start, within and at the end of a name, lengths around each bound, and what else was ever trouble.
func accounts() []string {
	names := []string{
		"", anAccount, "TestAccount-1", "0", "a", "Z", "-", "--", "a-b-c-d", "a--b", "-a", "a-", ".", "..", "../..", "%2e%2e", "%2E%2E%2f", "a/b", "/", "//", "a/../b", "?", "a?b", "#", "a#b", "a;b", "a,b",
		" ", " a", "a ", "a b", "a\nb", "a\r\n", "\x00", "a\x00b", "null", "true", "nil", "NaN", "1e3", "0x1", "*", "$(id)", "`id`", "{}", "[]", "<a>", "\"a\"", "'a'", "a_b", "a.b", "a:b", "a@b", "a+b", "a=b", "a%b", "a%00b",
		"ä", "é1", "а", "漢字", "０１２３", "١٢٣", "a\u2010b", "a\u2013b", "a\u00adb", "a\u200bb", "\ufeffa", "a\u202eb", "😀", "ſ", "K", "İ",
	}
	for _, around := range []string{"|00001", "0000|00001", "0000-|00001", "00001|"} {
		names = append(names, everyCharacterIn(around)...)
	}
	for _, length := range []int{2, 16, 63, 64, 65, 66, 127, 128, 255, 256, 512} {
		names = append(names, strings.Repeat("7", length), strings.Repeat("a-", length/2)+"b", strings.Repeat("é", length/2))
	}
	return unique(names)
}

// intervals are numbers × units, alone and in pairs, and what else was ever trouble.
func intervals() []string {
	values := []string{
		"1d", "3 days", "1w", "P1D", "PT10M", "10min", "10M", "10H", "1h 30m", " 10m", "10m ", "10m\n", "+10m", "-10m", "--10m", ".5h", "1.h", "1.5.5h", "1,5h", "1e1m", "0x10m", "١٠m", "10µs", "10μs", "inf", "NaN",
		"1h30m", "30m1h", "1h1h1h", "86400s", "86400.000000001s", "59.999999999s", "60.000000001s", "59999ms", "60000ms", "60000000us", "60000000000ns", "86400000000000ns", "86400000000001ns",
		"23h59m59.999999999s", "24h0.5ns", "24h0.000000001s", "24h1ns", "9223372036854775807ns", "9223372036854775808ns", "99999999999999999999h", "2562047h47m16.854775807s", "2562047h47m16.854775808s",
		"00000000000000000000000000000010m", "0.000000000000000000000000001h", "1m0.00000000000000000000000000000s", strings.Repeat("1m", 16), strings.Repeat("1m", 17),
	}
	for _, number := range []string{"0", "1", "10", "59", "60", "61", "1440", "1441", "1.5", "0.5", "01"} {
		for _, unit := range []string{"", "s", "m", "h", "ms", "us", "ns", "d"} {
			values = append(values, number+unit, "1h"+number+unit)
		}
	}
	return unique(values)
}

// everyCharacterIn puts each of the 128 ASCII characters where the bar is.
func everyCharacterIn(text string) []string {
	var all []string
	before, after, _ := strings.Cut(text, "|")
	for c := range 128 {
		all = append(all, before+string(rune(c))+after)
	}
	return all
}

func unique(all []string) []string {
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(strconv.Quote(a), strconv.Quote(b)) })
	return slices.Compact(all)
}
