package main

import (
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/notify"
	"github.com/fairlead/fairlead/internal/store"
)

// sender is what sends notifications, with what the administrator has set.
func (cfg *ServerConfig) sender(db *store.DB) (*notify.Service, error) {
	c := notify.Config{DB: db, AllowPrivate: cfg.AllowPrivateWebhooks, Log: cfg.Log}
	var err error
	if cfg.SMTPURL != "" {
		if c.Mail, err = notify.NewMailServer(cfg.SMTPURL, cfg.MailFrom, nil); err != nil {
			return nil, err
		}
	}
	if cfg.SMS.URL != "" {
		g := cfg.SMS
		if name, value, ok := strings.Cut(cfg.SMSHeader, ":"); ok {
			g.Headers = map[string]string{strings.TrimSpace(name): strings.TrimSpace(value)}
		} else if cfg.SMSHeader != "" {
			return nil, fairlead.Errorf(fairlead.Invalid, "header of the gateway for text messages: want \"Name: value\"")
		}
		if err := g.Check(); err != nil {
			return nil, err
		}
		c.SMS = &g
	}
	return notify.New(c), nil
}
