package main

import (
	"cmp"
	"log/slog"

	"github.com/spf13/cobra"
)

func newServeCommand(a *app) *cobra.Command {
	cfg := ServerConfig{Out: a.out}
	level := slog.LevelInfo
	var logJSON bool
	var config string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server until Ctrl-C or SIGTERM",
		Long: `Run the server: API, registry, stacks and pipelines on one address.

The first start makes the user admin with the password of FAIRLEAD_ADMIN_PASSWORD, else with one that is made up and
printed once, and the target local when a container engine answers (DOCKER_HOST, or Docker's and Podman's sockets).

With --database-url several servers can share one PostgreSQL database and all the work. Each needs a data directory of its
own, the same key (--key-file, or the content of such a file in FAIRLEAD_KEY) and the same images (--registry-dir).`,
		Args: checkArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config != "" {
				if err := applyConfig(cmd.Flags(), config); err != nil {
					return err
				}
			}
			if cfg.DatabaseURL == "" {
				cfg.DatabaseURL = a.env("FAIRLEAD_DATABASE_URL")
			}
			cfg.Key = a.env("FAIRLEAD_KEY")
			cfg.SMTPURL = cmp.Or(cfg.SMTPURL, a.env("FAIRLEAD_SMTP_URL"))
			cfg.SMS.URL = cmp.Or(cfg.SMS.URL, a.env("FAIRLEAD_SMS_URL"))
			cfg.SMSHeader = cmp.Or(cfg.SMSHeader, a.env("FAIRLEAD_SMS_HEADER"))
			cfg.AdminPassword = a.env("FAIRLEAD_ADMIN_PASSWORD")
			opts := &slog.HandlerOptions{Level: level}
			cfg.Log = slog.New(slog.NewTextHandler(a.err, opts))
			if logJSON {
				cfg.Log = slog.New(slog.NewJSONHandler(a.err, opts))
			}
			s, err := NewServer(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Data, "data", "", "data directory (default fairlead below $XDG_DATA_HOME or ~/.local/share)")
	flags.StringVar(&cfg.Listen, "listen", defaultListen, "address to listen on; port 0 takes a free one")
	flags.StringVar(&cfg.PublicURL, "public-url", "", "where clients reach the server (default http:// and the address it listens on)")
	flags.StringVar(&cfg.RegistryAddress, "registry-address", "", "host and port in the addresses of images, where clusters pull them (default that of the public URL)")
	flags.StringVar(&cfg.DatabaseURL, "database-url", "", "PostgreSQL database, postgres://..., better given by FAIRLEAD_DATABASE_URL (default a file in the data directory)")
	flags.StringVar(&cfg.KeyFile, "key-file", "", "file with the key that seals secrets, the same on all servers of a database (default key in the data directory)")
	flags.StringVar(&cfg.RegistryDir, "registry-dir", "", "directory of the images, shared by all servers of a database (default registry in the data directory)")
	flags.StringVar(&config, "config", "", "YAML file with these settings: the names of the flags with underscores, such as public_url; flags win")
	flags.BoolVar(&cfg.Anonymous, "anonymous-pull", false, "let everybody pull images of public organizations")
	flags.StringVar(&cfg.PublishAddress, "publish-address", "", "IP address of this machine on which Services publish ports (default 127.0.0.1)")
	flags.BoolVar(&cfg.AllowPrivateWebhooks, "allow-private-webhooks", false, "let notifications of stages call private, loopback and link-local addresses")
	flags.StringVar(&cfg.TrustedProxies, "trusted-proxies", "", "addresses or prefixes of proxies, with commas between them, whose X-Forwarded-For tells where a request comes from (default none)")
	flags.DurationVar(&cfg.AuditKeep, "audit-keep", 0, "how long entries of the audit log stay, such as 8760h (default for ever)")
	flags.StringVar(&cfg.SMTPURL, "smtp-url", "", "mail server, smtp://user:password@host:587 or smtps://..., better given by FAIRLEAD_SMTP_URL (default nobody gets e-mail)")
	flags.StringVar(&cfg.MailFrom, "mail-from", "", "sender of e-mail")
	flags.StringVar(&cfg.SMS.URL, "sms-url", "", "gateway for text messages, with ${phone} and ${text} here or in the body, better given by FAIRLEAD_SMS_URL (default nobody gets any)")
	flags.StringVar(&cfg.SMS.Body, "sms-body", "", "body of the POST request to the gateway, JSON unless its header says otherwise (default a GET request)")
	flags.StringVar(&cfg.SMSHeader, "sms-header", "", "header of the request to the gateway, \"Name: value\", better given by FAIRLEAD_SMS_HEADER")
	flags.BoolVar(&logJSON, "log-json", false, "write the log as JSON")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "least severe that is logged: debug, info, warn or error")
	return cmd
}
