package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
)

// newClient returns a client that follows no redirects: a redirect could lead the secrets of a request to somebody else. A
// guarded one calls public addresses only.
func newClient(guarded bool) *http.Client {
	d := &net.Dialer{Timeout: 10 * time.Second}
	if guarded {
		d.Control = guard
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true}, // no proxy: it would dial for us
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// guard refuses a connection to an address that is not public. It sees the address after names were resolved.
func guard(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !public(ap.Addr()) {
		return fairlead.Errorf(fairlead.Denied, "address %s is not public; an administrator can allow such addresses with: fairlead serve --allow-private-webhooks", ap.Addr())
	}
	return nil
}

// reserved are networks that are not public beside those that netip knows.
func reserved() []netip.Prefix {
	list := []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	}
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(reserved(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// call makes an HTTP request. Every answer but 2xx is an error.
func (s *Service) call(ctx context.Context, c *http.Client, id string, r Request) (status int, err error) {
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return 0, errors.New("the request cannot be made: the address is not valid") // the error would show the address with its secrets
	}
	req.Header.Set("User-Agent", "fairlead")
	req.Header.Set("Webhook-Id", id)
	for name, value := range r.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := c.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // without the address, whose query can have secrets
		}
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Errorf("the answer is %s: %s", res.Status, strings.ToValidUTF8(strings.TrimSpace(string(text)), "?"))
	}
	if r.Chat {
		return res.StatusCode, refusal(text)
	}
	return res.StatusCode, nil
}

// refusal is what a chat has against a message: DingTalk and WeCom say errcode and errmsg, Feishu code and msg, all with a 200.
func refusal(answer []byte) error {
	var a struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		Code    int    `json:"code"`
		Msg     string `json:"msg"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || (a.ErrCode == 0 && a.Code == 0) { // Slack says ok, Teams nothing
		return nil //nolint:nilerr // an answer of another form is no refusal
	}
	return fmt.Errorf("the chat refuses the message: %d %s", a.ErrCode+a.Code, a.ErrMsg+a.Msg)
}

// SecretName reports whether the name of a header, a query parameter or a variable says that its value is secret.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"authorization", "token", "secret", "key", "password", "cookie", "sign"}, func(s string) bool { return strings.Contains(name, s) })
}

// shown is the request as people may see it.
func (r Request) shown() fairlead.ShownRequest {
	s := fairlead.ShownRequest{Method: r.Method, Subject: r.Subject, Body: r.Body, URL: r.ShownURL()}
	for name, value := range r.Headers {
		if s.Headers == nil {
			s.Headers = map[string]string{}
		}
		if SecretName(name) || slices.ContainsFunc(r.Secret, func(secret string) bool { return strings.EqualFold(secret, name) }) {
			value = fairlead.Masked
		}
		s.Headers[name] = value
	}
	return s
}

// ShownURL is the address of the request as people may see it. Of a chat room that is the host alone: its address is all that
// writing there takes.
func (r Request) ShownURL() string {
	if u, err := url.Parse(r.URL); err == nil && r.Chat && r.URL != "" {
		return u.Scheme + "://" + u.Host + "/" + fairlead.Masked
	}
	return ShownURL(r.URL)
}

// ShownURL is an address without its password and the values of query parameters that are secret.
func ShownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		if name, _, ok := strings.Cut(part, "="); ok && SecretName(name) {
			parts[i] = name + "=" + fairlead.Masked
		}
	}
	u.RawQuery = strings.Join(parts, "&")
	return u.String()
}
