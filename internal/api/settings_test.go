package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/api"
)

func TestSettings(t *testing.T) {
	var sent []string
	s := mustServeWith(t, func(cfg *api.Config) {
		cfg.Version = "1.2.3"
		cfg.Settings = fairlead.Settings{PublicURL: "http://fairlead.test", Mail: &fairlead.MailSettings{Server: "mail.test:587", From: "fairlead@example.com"}}
		cfg.SendTest = func(_ context.Context, by string, u fairlead.User) error {
			sent = append(sent, by+" to "+u.Name)
			return nil
		}
	})
	t.Run("administrators see them, with what the server itself knows", func(t *testing.T) {
		got := into[fairlead.Settings](s.must(http.StatusOK, request{method: "GET", path: "/api/v1/settings", user: "boss"}))
		if got.Version != "1.2.3" || got.PublicURL != "http://fairlead.test" || got.Mail == nil || got.Mail.Server != "mail.test:587" || got.SMS != nil || got.Limits.Template == 0 {
			t.Fatalf("settings %+v", got)
		}
	})
	t.Run("nobody else does", func(t *testing.T) {
		problem(s.must(http.StatusForbidden, request{method: "GET", path: "/api/v1/settings", user: "alice"}))
		problem(s.must(http.StatusForbidden, request{method: "POST", path: "/api/v1/settings/test", user: "alice", body: map[string]string{"by": "email"}}))
		if len(sent) != 0 {
			t.Fatalf("sent %v", sent)
		}
	})
	t.Run("a test message goes to whoever asks for it", func(t *testing.T) {
		s.must(http.StatusNoContent, request{method: "POST", path: "/api/v1/settings/test", user: "boss", body: map[string]string{"by": "sms"}})
		if len(sent) != 1 || sent[0] != "sms to boss" {
			t.Fatalf("sent %v", sent)
		}
		problem(s.must(http.StatusUnprocessableEntity, request{method: "POST", path: "/api/v1/settings/test", user: "boss", body: map[string]string{"by": "post"}}))
	})
}
