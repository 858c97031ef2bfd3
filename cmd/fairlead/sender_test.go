package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/notify"
)

// A person is told of a run's result in the own language, and everything that was sent is on record.
func TestResultReachesPeople(t *testing.T) {
	texts := make(chan string, 10)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		texts <- r.Header.Get("X-Key") + " " + string(b)
	}))
	t.Cleanup(gateway.Close)
	s := mustRunServer(t, ServerConfig{
		Data: t.TempDir(), AdminPassword: scriptPassword, SMSHeader: "X-Key: s3cr3t",
		SMS: notify.SMSGateway{URL: gateway.URL, Body: `{"to": "${phone}", "text": "${text}"}`},
	})
	c, err := client.New(client.Config{URL: s.URL(), User: adminUser, Password: scriptPassword})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []client.NewUser{{Name: "li", Phone: "+8610", Locale: "zh-CN", Password: scriptPassword}, {Name: "bob", Phone: "+4930", Locale: "en", Password: scriptPassword}} {
		if _, err := c.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	file := `name: web
notify: [{user: li, by: [sms]}, {user: bob, outcomes: [failure], by: [sms, email]}, {user: bob, outcomes: [success], by: [sms]}]
stages:
  - name: deploy
    type: template-deploy
    deploy: {tool: aos, stack: nope}
    notifications: [{webhook: {url: "` + gateway.URL + `", headers: {Authorization: s3cr3t}}, outcomes: [failure]}]
`
	if _, err := c.ApplyPipeline(t.Context(), client.PipelineFile{Name: "web", Source: []byte(file)}); err != nil {
		t.Fatal(err)
	}
	run, err := c.StartPipeline(t.Context(), "web", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for range 2 {
		select {
		case text := <-texts:
			key, body, _ := strings.Cut(text, " ")
			var m struct{ To, Text string }
			if err := json.Unmarshal([]byte(body), &m); err != nil || key != "s3cr3t" {
				t.Errorf("%s: %v", text, err)
			}
			got[m.To] = m.Text
		case <-time.After(30 * time.Second):
			t.Fatalf("after 30 s there is only %v", got)
		}
	}
	link := s.URL() + "/runs/" + run.ID
	if text := got["+4930"]; !strings.HasPrefix(text, "Pipeline web: run 1 failed\ndeploy: ") || !strings.HasSuffix(text, link) {
		t.Errorf("bob reads %q", text)
	}
	if text := got["+8610"]; !strings.HasPrefix(text, "流水线 web：第 1 次执行失败\ndeploy：堆栈 \"nope\" 不存在；") || !strings.HasSuffix(text, link) {
		t.Errorf("li reads %q", text)
	}
	kinds := map[string]int{}
	for n, err := range c.Notifications(t.Context(), run.ID) {
		if err != nil {
			t.Fatal(err)
		}
		kinds[n.Kind]++
		if b, err := json.Marshal(n); err != nil || strings.Contains(string(b), "s3cr3t") {
			t.Errorf("shown %s, %v", b, err)
		}
		if n.Kind == notify.Email && (n.State != fairlead.NotificationFailed || !strings.Contains(n.Attempts[0].Message, "no e-mail address")) {
			t.Errorf("%+v", n)
		}
	}
	if kinds[notify.SMS] != 2 || kinds[notify.Email] != 1 || kinds[notify.Webhook] != 1 {
		t.Errorf("kinds %v", kinds)
	}
}

func TestSenderRefuses(t *testing.T) {
	for name, cfg := range map[string]ServerConfig{
		"a mail server without sender": {SMTPURL: "smtp://mail.example.com"},
		"no mail server":               {SMTPURL: "mail.example.com", MailFrom: "a@example.com"},
		"a gateway without text":       {SMS: notify.SMSGateway{URL: "http://example.com/${phone}"}},
		"a header without value":       {SMS: notify.SMSGateway{URL: "http://example.com/${phone}?${text}"}, SMSHeader: "X-Key"},
	} {
		if _, err := cfg.sender(nil); fairlead.ErrorCode(err) != fairlead.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
