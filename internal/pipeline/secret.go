package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/store"
)

// secretValue is the value of a secret header or environment variable, or the address of a chat room, in a file. In the file that is kept, and everywhere else, the mask stands in
// its place.
type secretValue struct {
	place string // which value it is: what names it, and where it goes to
	value string
	shown string // what stands in its place
	node  *yaml.Node
}

// secretPlace names the value of a secret header. The address belongs to it, so that a value that was kept can never be sent
// to another one.
func secretPlace(header, address string) string { return strings.ToLower(header) + " " + address }

// envPlace names the value of a secret environment variable of a job stage or a task; no header has such a name.
func envPlace(stage, name string) string { return envPrefix + name + " " + stage }

const envPrefix = "env:"

func isSecretHeader(w *fairlead.WebhookCall, name string) bool {
	return notify.SecretName(name) || slices.ContainsFunc(w.SecretHeaders, func(s string) bool { return strings.EqualFold(s, name) })
}

// secretHeaders takes the values of secret headers out of a webhook.
func (p *parser) secretHeaders(o *object, w *fairlead.WebhookCall) {
	for _, name := range headerNames(w.Headers) {
		if !isSecretHeader(w, name) {
			continue
		}
		s := secretValue{place: secretPlace(name, w.URL), value: w.Headers[name], shown: fairlead.Masked}
		w.Headers[name] = fairlead.Masked
		n := o.get("headers")
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				s.node = n.Content[i+1]
			}
		}
		for _, other := range p.secrets {
			if other.place == s.place && other.value != s.value {
				o.at("headers").error("two-secrets", "secret header "+quote(name)+" has two values for the same address", "give both webhooks the same value")
			}
		}
		p.secrets = append(p.secrets, s)
	}
}

// secretURL takes the address of a chat room out of a webhook: whoever knows it can write there.
func (p *parser) secretURL(o *object, w *fairlead.WebhookCall) {
	if n := o.get("url"); n != nil && w.Kind != "" {
		shown := shownRoom(w.URL)
		if shown != w.URL && strings.Contains(w.URL, fairlead.Masked) {
			o.at("url").error("bad-url", "url "+quote(w.URL)+" is no address, nor one that was masked here", "write the address of the chat room")
		}
		p.secrets = append(p.secrets, secretValue{place: secretPlace(roomPlace, shown), value: w.URL, shown: shown, node: n})
		w.URL = shown
	}
}

// roomPlace stands for a header in the place of the address of a chat room.
const roomPlace = "url"

// roomRE is what [shownRoom] makes of an address.
var roomRE = regexp.MustCompile(`^https?://[^/?#]+/\*{6}-[0-9a-f]{8}$`)

// shownRoom is the address of a chat room with its host alone, and some letters that tell it from others. What is shown already
// stays.
func shownRoom(address string) string {
	if roomRE.MatchString(address) {
		return address
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	sum := sha256.Sum256([]byte(address))
	return fmt.Sprintf("%s://%s/%s-%x", scheme, host, fairlead.Masked, sum[:4])
}

// maskSecrets puts the mask in the place of secret values in a file.
func maskSecrets(subject string, src []byte, secrets []secretValue) ([]byte, error) {
	type span struct {
		from, to int
		shown    string
	}
	var spans []span
	for _, s := range secrets {
		if s.value == s.shown {
			continue
		}
		from, to := scalarSpan(src, s.node)
		if to < 0 {
			return nil, fairlead.Errorf(fairlead.Invalid, "%s: line %d: the value of a secret header or environment variable, or the address of a chat room: write it on one line, plain or in quotes, without anchor or tag", subject, s.node.Line)
		}
		spans = append(spans, span{from, to, s.shown})
	}
	slices.SortFunc(spans, func(a, b span) int { return b.from - a.from })
	for _, s := range slices.Compact(spans) {
		src = slices.Concat(src[:s.from], []byte(`"`+s.shown+`"`), src[s.to:])
	}
	if len(spans) == 0 {
		return src, nil
	}
	_, after, diags := parse(subject, src)
	if diags.HasErrors() || slices.ContainsFunc(after, func(s secretValue) bool { return s.value != s.shown }) || len(after) != len(secrets) {
		return nil, fairlead.Errorf(fairlead.Invalid, "%s: a secret header or environment variable: its value could not be taken out of the file; write it on one line in double quotes", subject)
	}
	return src, nil
}

// scalarSpan finds a scalar of one line in the file; to is -1 when it cannot be found.
func scalarSpan(src []byte, n *yaml.Node) (from, to int) {
	for line := 1; line < n.Line; line++ {
		i := slices.Index(src[from:], '\n')
		if i < 0 {
			return 0, -1
		}
		from += i + 1
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(src[from:])
		from += size
	}
	if from >= len(src) {
		return 0, -1
	}
	rest := src[from:]
	end := slices.IndexFunc(rest, func(b byte) bool { return b == '\n' || b == '\r' })
	if end < 0 {
		end = len(rest)
	}
	rest = rest[:end]
	switch {
	case len(rest) > 0 && (rest[0] == '"' || rest[0] == '\''):
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[0] == '"' && rest[i] == '\\':
				i++
			case rest[0] == '\'' && rest[i] == '\'' && i+1 < len(rest) && rest[i+1] == '\'':
				i++
			case rest[i] == rest[0]:
				return from, from + i + 1
			}
		}
	case n.Value != "" && strings.HasPrefix(string(rest), n.Value):
		return from, from + len(n.Value)
	}
	return 0, -1
}

// keepSecrets stores the secret values of a file. The mask keeps the value that is there.
func keepSecrets(ctx context.Context, tx *store.Tx, pipeline string, secrets []secretValue) error {
	old, err := tx.PipelineSecrets(ctx, pipeline)
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, s := range secrets {
		value := s.value
		if value == s.shown {
			kept, ok := old[s.place]
			if !ok && s.shown != fairlead.Masked {
				return fairlead.Errorf(fairlead.Invalid, "pipeline %s: the address of a chat room stands as %s, and none is kept for that; write the address", pipeline, s.shown)
			}
			if !ok {
				header, address, _ := strings.Cut(s.place, " ")
				if name, ok := strings.CutPrefix(header, envPrefix); ok {
					return fairlead.Errorf(fairlead.Invalid, "pipeline %s: secret environment variable %s of stage %s stands as %s, and no value is kept for it; write the value", pipeline, name, address, fairlead.Masked)
				}
				return fairlead.Errorf(fairlead.Invalid, "pipeline %s: secret header %s for %s stands as %s, and no value for that address is kept; write the value", pipeline, header, notify.ShownURL(address), fairlead.Masked)
			}
			value = kept
		}
		values[s.place] = value
	}
	if maps.Equal(old, values) {
		return nil
	}
	return tx.SetPipelineSecrets(ctx, pipeline, values)
}
