package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newAuditCommand(a *app) *cobra.Command {
	var q client.AuditQuery
	var since, until string
	var limit int
	cmd := &cobra.Command{
		Use: "audit", Short: "List who changed or started what, newest first",
		Long: `List who changed or started what, when and from where, newest first; also what was refused. Administrators see everything, others
what concerns the pipeline groups that they manage.`,
		Example: "  fairlead audit --kind pipelines --name shop\n  fairlead audit --user alice --since 24h",
		Args:    checkArgs,
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) (err error) {
			if q.Since, err = timeOrSpan(cmd, "since", since); err != nil {
				return err
			}
			if q.Until, err = timeOrSpan(cmd, "until", until); err != nil {
				return err
			}
			if limit < 0 {
				return usage(cmd, "--limit %d: want a number of entries, or 0 for all", limit)
			}
			return showList(a.view(cmd), client.First(c.Audit(cmd.Context(), q), limit), []string{"TIME", "WHO", "FROM", "WHAT", "KIND", "NAME", "RESULT", "DETAIL"},
				func(e fairlead.AuditEntry, _ *printer) []string {
					return []string{e.Time.Local().Format(time.DateTime), orDash(auditWho(e)), orDash(e.Address), e.Operation, orDash(e.Kind), orDash(e.Name), e.Result, orDash(e.Detail)}
				})
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&q.User, "user", "", "only what this user did")
	flags.StringVar(&q.Kind, "kind", "", "only what was done to this kind: pipelines, runs, groups, stacks, images, users ...")
	flags.StringVar(&q.Name, "name", "", "only what was done to the thing with this name; runs have the name of their pipeline")
	flags.StringVar(&q.Verb, "verb", "", "only start, change, delete or grant")
	flags.StringVar(&since, "since", "", "only what happened after this time, or within this span: 2026-11-26T10:00:00Z or 24h")
	flags.StringVar(&until, "until", "", "only what happened before this time, or before this span")
	flags.IntVar(&limit, "limit", 100, "how many entries at most; 0 for all")
	addOutput(cmd)
	return cmd
}

func auditWho(e fairlead.AuditEntry) string {
	switch {
	case e.User != "" && e.Via != "":
		return e.User + " (" + e.Via + ")"
	case e.User != "":
		return e.User
	}
	return e.Via
}

// timeOrSpan reads a time, or a span that counts back from now.
func timeOrSpan(cmd *cobra.Command, flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage(cmd, "--%s %q: want a time such as 2026-11-26T10:00:00Z or a span such as 24h", flag, text)
	}
	return t, nil
}
