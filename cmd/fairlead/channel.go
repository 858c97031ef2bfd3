package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newChannelCommand(a *app) *cobra.Command {
	return newGroup("channel", "Durable lines of messages between stages and pipelines", newChannelListCommand(a), newChannelShowCommand(a),
		newChannelCreateCommand(a), newChannelPublishCommand(a), newChannelTailCommand(a), newChannelMessagesCommand(a), newChannelMessageCommand(a),
		newChannelReplayCommand(a), newChannelDeleteCommand(a))
}

func newChannelListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the channels with how many publish and listen", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Channels(cmd.Context()), []string{"NAME", "MESSAGES", "PUBLISHERS", "LISTENERS", "CREATED", "DESCRIPTION"},
			func(ch fairlead.Channel, p *printer) []string {
				return []string{ch.Name, fmt.Sprint(ch.Messages), fmt.Sprint(len(ch.Publishers)), fmt.Sprint(len(ch.Listeners)), p.ago(ch.CreatedAt), orDash(ch.Description)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newChannelShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a channel, who publishes to it and who listens", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		ch, err := c.Channel(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.view(cmd).show(ch, func(p *printer) { printChannel(p, ch) })
	})}
	addOutput(cmd)
	return cmd
}

func printChannel(p *printer, ch fairlead.Channel) {
	keep := "everything"
	switch {
	case ch.Keep.Count > 0 && ch.Keep.Age > 0:
		keep = fmt.Sprintf("the newest %d, for %s", ch.Keep.Count, ch.Keep.Age)
	case ch.Keep.Count > 0:
		keep = fmt.Sprintf("the newest %d", ch.Keep.Count)
	case ch.Keep.Age > 0:
		keep = "for " + ch.Keep.Age.String()
	}
	p.fields("Channel", ch.Name, "Description", ch.Description, "Messages", fmt.Sprint(ch.Messages), "Kept", keep, "Created", p.ago(ch.CreatedAt)+by(ch.CreatedBy))
	ends := table{}
	for _, s := range ch.Publishers {
		ends = append(ends, []string{"publishes", s})
	}
	for _, s := range ch.Listeners {
		ends = append(ends, []string{"listens", s})
	}
	if len(ends) > 0 {
		p.section("Used by", ends)
	}
}

func newChannelCreateCommand(a *app) *cobra.Command {
	var description string
	var count int
	var age time.Duration
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a channel, or change its description and limits",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			ch, err := c.SetChannel(cmd.Context(), fairlead.Channel{Name: args[0], Description: description, Keep: fairlead.Retention{Count: count, Age: fairlead.Duration(age)}})
			if err != nil {
				return err
			}
			return a.view(cmd).show(ch, func(p *printer) { p.linef("channel %s was stored", ch.Name) })
		}),
	}
	cmd.Flags().StringVar(&description, "description", "", "what the channel is for")
	cmd.Flags().IntVar(&count, "keep-count", 0, "how many messages stay; 0: all")
	cmd.Flags().DurationVar(&age, "keep-age", 0, "how long messages stay; 0: for ever")
	addOutput(cmd)
	return cmd
}

func newChannelPublishCommand(a *app) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "publish NAME [K=V]...", Short: "Publish a message with parameters",
		Example: "  fairlead channel publish build-done version=1.1",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			params, err := pairs(cmd, "a parameter", args[1:])
			if err != nil {
				return err
			}
			m, err := c.Publish(cmd.Context(), args[0], params, key)
			if err != nil {
				return err
			}
			return a.view(cmd).show(m, func(p *printer) {
				p.linef("message %s was published on channel %s; see: fairlead channel message %s %s", m.ID, m.Channel, m.Channel, m.ID)
			})
		}),
	}
	cmd.Flags().StringVar(&key, "key", "", "the same key on the same channel counts once")
	addOutput(cmd)
	return cmd
}

func newChannelTailCommand(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "tail NAME", Short: "Follow the messages of a channel",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			after := int64(-1)
			if all {
				after = 0
			}
			v := a.view(cmd)
			for m, err := range c.FollowChannel(cmd.Context(), args[0], after) {
				if err != nil {
					return err
				}
				if err := v.stream(m, func(p *printer) { p.line(messageLine(m)) }); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "begin with the messages that are kept")
	addOutput(cmd)
	return cmd
}

func messageLine(m fairlead.ChannelMessage) string {
	text := m.PublishedAt.Local().Format(clockLayout) + "  " + m.ID
	for _, name := range sortedKeys(m.Params) {
		text += "  " + name + "=" + literal(m.Params[name])
	}
	return text + by(m.By)
}

func newChannelMessagesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "messages NAME", Short: "List the messages of a channel, newest first", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.ChannelMessages(cmd.Context(), args[0]), []string{"ID", "PUBLISHED", "BY", "DELIVERED", "PARAMETERS"},
			func(m fairlead.ChannelMessage, p *printer) []string {
				return []string{m.ID, p.ago(m.PublishedAt), orDash(m.By), yesNo(m.Delivered), orDash(parameters(m.Params))}
			})
	})}
	addOutput(cmd)
	return cmd
}

func parameters(params map[string]string) string {
	text := ""
	for _, name := range sortedKeys(params) {
		if text != "" {
			text += " "
		}
		text += name + "=" + literal(params[name])
	}
	return text
}

func newChannelMessageCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "message NAME ID", Short: "Show a message and what it did at each condition", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		m, err := c.ChannelMessage(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.view(cmd).show(m, func(p *printer) {
			p.fields("Message", m.ID, "Channel", m.Channel, "Published", p.ago(m.PublishedAt)+by(m.By), "Replay of", m.ReplayOf, "Parameters", parameters(m.Params))
			t := table{}
			for _, d := range m.Deliveries {
				t = append(t, []string{d.Pipeline + " " + d.Condition, string(d.Result), d.Run, d.Reason})
			}
			if len(t) > 0 {
				p.section("Deliveries", t)
			}
		})
	})}
	addOutput(cmd)
	return cmd
}

func newChannelReplayCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "replay NAME ID", Short: "Publish the content of a message again", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		m, err := c.ReplayMessage(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.view(cmd).show(m, func(p *printer) { p.linef("message %s was published on channel %s", m.ID, m.Channel) })
	})}
	addOutput(cmd)
	return cmd
}

func newChannelDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove a channel that nobody uses", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteChannel(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "channel %s was deleted\n", args[0])
		return nil
	})}
}
