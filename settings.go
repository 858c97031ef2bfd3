package fairlead

// Settings are what a server was started with, as far as people who use it need to know. Secrets are no part of them.
type Settings struct {
	Version         string   `json:"version"`
	PublicURL       string   `json:"public_url" doc:"where clients, webhooks and engines reach the server"`
	Registry        string   `json:"registry" doc:"host and port in the addresses of images"`
	Database        string   `json:"database" enum:"sqlite,postgresql"`
	AnonymousPull   bool     `json:"anonymous_pull" doc:"everybody may pull images of public organizations"`
	PublishAddress  string   `json:"publish_address" doc:"address on which Services of engine targets publish ports"`
	AuditKeep       Duration `json:"audit_keep" doc:"how long entries of the audit log stay; 0s is for ever"`
	PrivateWebhooks bool     `json:"private_webhooks" doc:"notifications of stages may call addresses that are not public"`

	Mail *MailSettings `json:"mail,omitempty" doc:"absent: nobody gets e-mail"`
	SMS  *SMSSettings  `json:"sms,omitempty" doc:"absent: nobody gets text messages"`

	Limits SettingLimits `json:"limits"`
}

// MailSettings are the mail server and the sender of e-mail.
type MailSettings struct {
	Server    string `json:"server" doc:"host and port"`
	Encrypted bool   `json:"encrypted" doc:"from the first byte, or demanded because a user signs in; otherwise where the server offers it"`
	User      string `json:"user,omitempty" doc:"who signs in there"`
	From      string `json:"from"`
}

// SMSSettings are the gateway for text messages. Its address and headers may hold secrets, so only the host is told.
type SMSSettings struct {
	Gateway string `json:"gateway" doc:"scheme and host"`
	Method  string `json:"method" enum:"GET,POST"`
}

// SettingLimits bound what is accepted, in bytes.
type SettingLimits struct {
	Template int64 `json:"template_bytes"`
	Pipeline int64 `json:"pipeline_bytes"`
	Request  int64 `json:"request_bytes" doc:"every other request, images apart"`
}
