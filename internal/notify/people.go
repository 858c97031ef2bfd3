package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/words"
)

// MailServer is where e-mail goes to.
type MailServer struct {
	host, user, password, from string
	port                       int
	direct                     bool // TLS from the first byte
	roots                      *x509.CertPool
}

// NewMailServer reads the address of a mail server: smtp://user:password@host:587 for STARTTLS, smtps://...:465 for TLS from
// the beginning. With a user, a server without TLS is refused. roots nil are the system's.
func NewMailServer(address, from string, roots *x509.CertPool) (*MailServer, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return nil, fairlead.Errorf(fairlead.Invalid, "mail server: want smtp://user:password@host:587 or smtps://user:password@host:465")
	}
	s := &MailServer{host: u.Hostname(), port: 587, user: u.User.Username(), from: from, direct: u.Scheme == "smtps", roots: roots}
	s.password, _ = u.User.Password()
	if s.direct {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, fairlead.Errorf(fairlead.Invalid, "mail server: port %q: want a number from 1 to 65535", p)
		}
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "sender of e-mail %q: want an address such as fairlead@example.com", from)
	}
	return s, nil
}

func (s *MailServer) send(ctx context.Context, id string, r Request) error {
	if s == nil {
		return fairlead.Errorf(fairlead.Denied, "no mail server is set; an administrator can set one with: fairlead serve --smtp-url")
	}
	m := mail.NewMsg()
	if err := m.From(s.from); err != nil {
		return err
	}
	if err := m.To(r.To); err != nil {
		return fairlead.Errorf(fairlead.Denied, "the user's e-mail address is not valid: %w", err)
	}
	m.SetDate()
	m.SetMessageIDWithValue(id + "@fairlead")
	m.Subject(r.Subject)
	m.SetBodyString(mail.TypeTextPlain, r.Body)
	opts := []mail.Option{
		mail.WithPort(s.port), mail.WithTimeout(tryTime),
		mail.WithTLSConfig(&tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}),
	}
	switch {
	case s.direct:
		opts = append(opts, mail.WithSSL())
	case s.user != "":
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if s.user != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.user), mail.WithPassword(s.password))
	}
	c, err := mail.NewClient(s.host, opts...)
	if err != nil {
		return err
	}
	return c.DialAndSendWithContext(ctx, m)
}

// SMSGateway is the HTTP service that sends text messages. URL and Body are templates with ${phone} and ${text}; values are
// escaped for where they stand.
type SMSGateway struct {
	URL, Body string
	Headers   map[string]string
}

// ToUser is the request that tells a user something by e-mail or text message, in the user's language. A user who cannot be
// reached is its problem.
func (s *Service) ToUser(kind string, u fairlead.User, subject, body string) Request {
	subject, body = words.Say(u.Locale, subject), words.Say(u.Locale, body)
	switch {
	case kind == Email && u.Email == "":
		return Request{Problem: "user " + u.Name + " has no e-mail address"}
	case kind == Email && s.mail == nil:
		return Request{Problem: "no mail server is set; an administrator can set one with: fairlead serve --smtp-url"}
	case kind == Email:
		return Request{To: u.Email, Subject: subject, Body: body}
	case u.Phone == "":
		return Request{Problem: "user " + u.Name + " has no phone number"}
	case s.sms == nil:
		return Request{Problem: "no gateway for text messages is set; an administrator can set one with: fairlead serve --sms-url"}
	}
	return s.sms.request(u.Phone, strings.TrimSpace(body))
}

// Try sends a user something by e-mail or text message at once and once, and says what became of it. It is not recorded.
func (s *Service) Try(ctx context.Context, kind string, u fairlead.User, subject, body string) error {
	r := s.ToUser(kind, u, subject, body)
	if r.Problem != "" {
		return fairlead.Errorf(fairlead.Invalid, "%s", r.Problem)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if _, err := s.deliver(ctx, fairlead.SentNotification{ID: id.String(), Kind: kind}, r); err != nil {
		return fairlead.Errorf(fairlead.Failed, "the message could not be sent: %w", err)
	}
	return nil
}

// Settings are what may be shown of the mail server; nil when there is none.
func (s *MailServer) Settings() *fairlead.MailSettings {
	if s == nil {
		return nil
	}
	return &fairlead.MailSettings{Server: net.JoinHostPort(s.host, strconv.Itoa(s.port)), Encrypted: s.direct || s.user != "", User: s.user, From: s.from}
}

// Settings are what may be shown of the gateway; nil when there is none.
func (g *SMSGateway) Settings() *fairlead.SMSSettings {
	if g == nil {
		return nil
	}
	r := g.request("0", "text")
	shown := &fairlead.SMSSettings{Method: r.Method}
	if u, err := url.Parse(r.URL); err == nil {
		shown.Gateway = u.Scheme + "://" + u.Host
	}
	return shown
}

// Settings are what may be shown of where messages to people go.
func (s *Service) Settings() (*fairlead.MailSettings, *fairlead.SMSSettings) {
	return s.mail.Settings(), s.sms.Settings()
}

func (g *SMSGateway) request(phone, text string) Request {
	fill := func(template string) Text {
		mark := "\x00"
		r := strings.NewReplacer(mark, "", "${phone}", mark+phone+mark, "${text}", mark+strings.ReplaceAll(text, mark, "")+mark)
		return strings.Split(r.Replace(template), mark)
	}
	c := Call{Method: "POST", URL: fill(g.URL), Headers: map[string]Text{}, Body: fill(g.Body)}
	if g.Body == "" {
		c.Method = "GET"
	}
	for name, value := range g.Headers {
		c.Headers[name] = Text{value}
	}
	return c.Request()
}

// Check says whether a gateway can be used.
func (g *SMSGateway) Check() error {
	address := g.request("0", "text").URL
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fairlead.Errorf(fairlead.Invalid, "gateway for text messages: want an http:// or https:// address")
	}
	for _, want := range []string{"${phone}", "${text}"} {
		if !strings.Contains(g.URL+g.Body, want) {
			return fairlead.Errorf(fairlead.Invalid, "gateway for text messages: neither its address nor its body contains %s", want)
		}
	}
	return nil
}
