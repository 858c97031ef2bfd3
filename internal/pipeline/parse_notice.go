package pipeline

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
)

// headerRE is the rule of HTTP for the names of headers.
var headerRE = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// maxHeaders bounds the headers, and the query parameters, of a webhook.
const maxHeaders = 50

// noticeVariables are what a webhook can read besides the pipeline's variables.
func noticeVariables() []string {
	return []string{"pipeline.name", "run.id", "run.number", "run.url", "stage.name", "stage.outcome", "stage.state", "stage.message"}
}

// outcomes reads when something is told; default: always.
func (p *parser) outcomes(o *object) []string {
	list := p.texts(o, "outcomes", 2)
	for _, outcome := range list {
		if outcome != outcomeSuccess && outcome != outcomeFailure {
			o.at("outcomes").error("wrong-value", "an outcome cannot be "+quote(outcome), "known are: success, failure")
		}
	}
	if list == nil {
		return []string{outcomeSuccess, outcomeFailure}
	}
	return list
}

// notice reads who is told of the result of a run.
func (p *parser) notice(n *yaml.Node, path string) (s fairlead.Notice) {
	o := p.object(n, path, "an item of notify", []string{"user", "outcomes", "by"}, nil)
	if o == nil {
		return s
	}
	o.require("an item of notify", "user")
	s.User, s.Outcomes, s.By = o.str("user"), p.outcomes(o), p.texts(o, "by", 2)
	seen := map[string]bool{}
	for _, by := range s.By {
		if by != notify.Email && by != notify.SMS {
			o.at("by").error("wrong-value", "nobody can be told by "+quote(by), "known are: email, sms")
		}
		p.unique(seen, o.at("by"), "way", by)
	}
	if len(s.By) == 0 {
		s.By = []string{notify.Email}
	}
	return s
}

// webhookCall reads the request of a webhook. Values of secret headers go to p.secrets.
func (p *parser) webhookCall(n *yaml.Node, path string) *fairlead.WebhookCall {
	o := p.object(n, path, "webhook", []string{"kind", "method", "url", "headers", "secret_headers", "query", "body"}, nil)
	if o == nil {
		return nil
	}
	o.require("webhook", "url")
	w := &fairlead.WebhookCall{
		Kind: o.choice("kind", "", chats(), nil), Method: o.choice("method", "POST", []string{"GET", "POST"}, nil),
		URL: o.str("url"), Body: o.value("body"), SecretHeaders: p.texts(o, "secret_headers", maxHeaders),
		Headers: p.textMap(o, "headers"), Query: p.textMap(o, "query"),
	}
	known := map[string]bool{}
	for name := range p.known {
		known[name] = true
	}
	for _, name := range noticeVariables() {
		known[name] = true
	}
	p.references(o.at("url"), w.URL, known)
	p.references(o.at("body"), w.Body, known)
	p.webhookURL(o, w.URL)
	if w.Method == "GET" && (w.Body != "" || w.Kind != "") {
		o.at("method").error("wrong-value", "a GET request has no body", "use POST, or query")
	}
	for _, value := range w.Query {
		p.references(o.at("query"), value, known)
	}
	for name, value := range w.Headers {
		p.references(o.at("headers"), value, known)
		if !headerRE.MatchString(name) || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding") {
			o.at("headers").error("bad-name", "header "+quote(name)+" cannot be set", "")
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			o.at("headers").error("wrong-value", "the value of header "+quote(name)+" has a line break", "")
		}
	}
	for _, name := range w.SecretHeaders {
		if !slices.ContainsFunc(headerNames(w.Headers), func(s string) bool { return strings.EqualFold(s, name) }) {
			o.at("secret_headers").error("unknown-header", "there is no header "+quote(name), meant(name, headerNames(w.Headers)))
		}
	}
	p.secretURL(o, w)
	p.secretHeaders(o, w)
	p.privateParts(o, w)
	return w
}

// privateParts finds what gives a right besides what is sealed: parameters with such names.
func (p *parser) privateParts(o *object, w *fairlead.WebhookCall) {
	if n := o.get("url"); n != nil && w.Kind == "" && notify.ShownURL(w.URL) != w.URL {
		p.private = append(p.private, privateValue{n, "url"})
	}
	n := o.get("query")
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if name := n.Content[i].Value; notify.SecretName(name) {
			p.private = append(p.private, privateValue{n.Content[i+1], name})
		}
	}
}

func (p *parser) webhookURL(o *object, address string) {
	if address == "" {
		return
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	plain, err := Expand(address, func(string) (string, bool) { return "x", true })
	u, parseErr := url.Parse(plain)
	switch {
	case err != nil: // reported as a bad reference
	case (scheme != "http" && scheme != "https") || strings.Contains(host, "${") || parseErr != nil || u.Host == "":
		o.at("url").error("bad-url", "url "+quote(address)+": want http:// or https:// and a host, both without variables", "")
	case u.User != nil:
		o.at("url").error("bad-url", "url: a user and password do not belong into the address", "use the header Authorization")
	}
}

// textMap reads an optional map of scalars.
func (p *parser) textMap(o *object, key string) map[string]string {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.at(key).error("wrong-type", quote(key)+" must be a map, not "+kindName(n), "")
		return nil
	}
	var list []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, n.Content[i].Value)
	}
	if len(list) > maxHeaders {
		o.at(key).errorf("too-many", "%s has %d items; at most %d are allowed", quote(key), len(list), maxHeaders)
		return nil
	}
	m := p.object(n, o.sub(key), key, list, nil)
	out := make(map[string]string, len(list))
	for _, name := range list {
		out[name] = m.value(name)
	}
	return out
}

func headerNames(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
