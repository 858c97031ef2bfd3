package notify

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:4700::1111": true, "127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.100.100.200": false, "0.0.0.0": false, "::1": false, "::": false, "fe80::1%eth0": false, "fd00:ec2::254": false,
		"::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: public is %v", address, got)
		}
	}
}

// No value can leave the place where it stands.
func TestValuesStayInTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := strings.ToValidUTF8(rapid.String().Draw(t, "value"), "")
		r := Call{
			Method: "POST", URL: Text{"https://example.com/a/", value, "/b?c=", value, "&d=e"}, Query: map[string]Text{"f": {"x", value}},
			Headers: map[string]Text{"X-A": {"", value}}, Body: Text{`{"a": "\"`, value, `", "b": `, value, `}`},
		}.Request()
		u, err := url.Parse(r.URL)
		if err != nil || u.Host != "example.com" || strings.Count(u.EscapedPath(), "/") != 3 || u.Fragment != "" {
			t.Fatalf("url %q, %v", r.URL, err)
		}
		if q := u.Query(); len(q) != 3 || q.Get("c") != value || q.Get("d") != "e" || q.Get("f") != "x"+value {
			t.Fatalf("query %q", u.RawQuery)
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil || len(body) != 2 || body["a"] != `"`+value {
			t.Fatalf("body %q, %v", r.Body, err)
		}
		if strings.ContainsAny(r.Headers["X-A"], "\r\n\x00") {
			t.Fatalf("header %q", r.Headers["X-A"])
		}
	})
}

func TestValuesOutsideOfQuotes(t *testing.T) {
	for value, want := range map[string]string{"1": "1", "true": "true", "1,\"admin\":true": `"1,\"admin\":true"`, "{}": `"{}"`, "": `""`, "x": `"x"`} {
		if got := (Text{"", value, ""}).JSON(); got != want {
			t.Errorf("%s: %s", value, got)
		}
	}
	form := Call{Headers: map[string]Text{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: Text{"a=", "1&b=2", ""}}.Request()
	if form.Body != "a=1%26b%3D2" {
		t.Errorf("form %s", form.Body)
	}
}

func TestShown(t *testing.T) {
	s := Request{
		URL: "https://u:p@oapi.example.com/robot?access_token=abc&x=1", Secret: []string{"x-mine"},
		Headers: map[string]string{"Authorization": "a", "X-Api-Key": "b", "X-Mine": "c", "X-Team": "shop"},
	}.shown()
	if s.URL != "https://u@oapi.example.com/robot?access_token=******&x=1" {
		t.Errorf("url %s", s.URL)
	}
	for name, want := range map[string]string{"Authorization": "******", "X-Api-Key": "******", "X-Mine": "******", "X-Team": "shop"} {
		if s.Headers[name] != want {
			t.Errorf("header %s is shown as %s", name, s.Headers[name])
		}
	}
}
