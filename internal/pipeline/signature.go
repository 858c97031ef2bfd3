package pipeline

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// The ways in which the sender of a webhook's message proves that it has the secret.
const (
	signStandard = "standard" // Standard Webhooks: HMAC over id, time and body
	signGitHub   = "github"   // HMAC over the body
	signGitLab   = "gitlab"   // the secret itself
	signGitee    = "gitee"    // HMAC over the time, or the secret itself
	signGitea    = "gitea"    // HMAC over the body
)

// standardPrefix stands before the base64 text of a Standard Webhooks secret.
const standardPrefix = "whsec_"

const (
	minSecret = 16
	maxSecret = 255
)

// codeHost reports whether the messages have a body that nobody can choose.
func codeHost(signature string) bool {
	return signature == signGitHub || signature == signGitLab || signature == signGitee || signature == signGitea
}

func checkSecret(signature, secret string) error {
	if len(secret) < minSecret || len(secret) > maxSecret {
		return fairlead.Errorf(fairlead.Invalid, "the secret has %d characters; want %d to %d", len(secret), minSecret, maxSecret)
	}
	if signature == signStandard {
		if _, err := standardKey(secret); err != nil {
			return fairlead.Errorf(fairlead.Invalid, "the secret is not base64; want whsec_ and base64 text")
		}
	}
	return nil
}

func standardKey(secret string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standardPrefix))
}

// verify checks the signature of a call and returns the id that its sender gave the message. Nothing of the message may be
// believed before.
func verify(spec fairlead.WebhookCondition, secret string, call Call, now time.Time) (id string, err error) {
	header := call.Header
	if header == nil {
		header = func(string) string { return "" }
	}
	switch spec.Signature {
	case "":
		return "", nil
	case signStandard:
		return verifyStandard(spec, secret, header, call.Body, now)
	case signGitHub:
		return header("X-GitHub-Delivery"), verifyBody("X-Hub-Signature-256", strings.TrimPrefix(header("X-Hub-Signature-256"), "sha256="), secret, call.Body)
	case signGitea:
		return header("X-Gitea-Delivery"), verifyBody("X-Gitea-Signature", header("X-Gitea-Signature"), secret, call.Body)
	case signGitLab:
		return header("X-Gitlab-Event-UUID"), verifyText("X-Gitlab-Token", header("X-Gitlab-Token"), secret)
	case signGitee:
		return "", verifyGitee(spec, secret, header, now)
	}
	return "", unsigned("the way of signing %s is not known", quote(spec.Signature))
}

func unsigned(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Unauthenticated, "the signature of the message is not accepted: "+format, args...)
}

func verifyStandard(spec fairlead.WebhookCondition, secret string, header func(string) string, body []byte, now time.Time) (string, error) {
	id, at, signatures := header("Webhook-Id"), header("Webhook-Timestamp"), header("Webhook-Signature")
	if id == "" || at == "" || signatures == "" || len(id) > maxKey {
		return "", unsigned("the headers Webhook-Id, Webhook-Timestamp and Webhook-Signature are wanted")
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return "", unsigned("Webhook-Timestamp is not a number of seconds")
	}
	if err := recent(time.Unix(seconds, 0), spec, now); err != nil {
		return "", err
	}
	key, err := standardKey(secret)
	if err != nil {
		return "", unsigned("the webhook's secret cannot be read")
	}
	want := sum(key, []byte(id+"."+at+"."), body)
	for signature := range strings.FieldsSeq(signatures) {
		version, text, _ := strings.Cut(signature, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return id, nil
		}
	}
	return "", unsigned("Webhook-Signature does not fit the message and the secret")
}

// recent refuses a message that is older than the window, and one from the future.
func recent(sent time.Time, spec fairlead.WebhookCondition, now time.Time) error {
	window := time.Duration(spec.Window)
	if age := now.Sub(sent); age > window || age < -window {
		return unsigned("the message was sent at %s, which is more than %s away; look at the sender's clock", sent.UTC().Format(time.RFC3339), spec.Window)
	}
	return nil
}

func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func verifyBody(name, signature, secret string, body []byte) error {
	if signature == "" {
		return unsigned("the header %s is wanted", name)
	}
	got, err := hex.DecodeString(signature)
	if err != nil || !hmac.Equal(got, sum([]byte(secret), body)) {
		return unsigned("%s does not fit the message and the secret", name)
	}
	return nil
}

func verifyText(name, token, secret string) error {
	if token == "" {
		return unsigned("the header %s is wanted", name)
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(secret)) != 1 {
		return unsigned("%s is not the webhook's secret", name)
	}
	return nil
}

// verifyGitee accepts both ways of Gitee: a password, or a signature of the time in milliseconds.
func verifyGitee(spec fairlead.WebhookCondition, secret string, header func(string) string, now time.Time) error {
	const name = "X-Gitee-Token"
	at, token := header("X-Gitee-Timestamp"), header(name)
	if token == "" || verifyText(name, token, secret) == nil {
		return verifyText(name, token, secret)
	}
	millis, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return unsigned("%s is not the webhook's secret, and X-Gitee-Timestamp is not a number of milliseconds", name)
	}
	if err := recent(time.UnixMilli(millis), spec, now); err != nil {
		return err
	}
	if text, err := url.QueryUnescape(token); err == nil && strings.Contains(token, "%") {
		token = text
	}
	got, err := base64.StdEncoding.DecodeString(token)
	if err != nil || !hmac.Equal(got, sum([]byte(secret), []byte(at+"\n"+secret))) {
		return unsigned("%s does not fit the time and the secret", name)
	}
	return nil
}
