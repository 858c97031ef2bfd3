package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// EnsureChannel makes a channel unless it is there. Without limits of its own it keeps everything.
func (tx *Tx) EnsureChannel(ctx context.Context, c *fairlead.Channel) (made bool, err error) {
	c.CreatedAt = tx.Now
	const q = `INSERT INTO channels (name, description, keep_count, keep_age, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING`
	res, err := tx.Exec(ctx, q, c.Name, c.Description, c.Keep.Count, int64(time.Duration(c.Keep.Age)/time.Second), Time(c.CreatedAt), c.CreatedBy)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// UpdateChannel changes the description and limits of a channel.
func (tx *Tx) UpdateChannel(ctx context.Context, c *fairlead.Channel) error {
	const q = `UPDATE channels SET description = $1, keep_count = $2, keep_age = $3 WHERE name = $4`
	_, err := tx.Exec(ctx, q, c.Description, c.Keep.Count, int64(time.Duration(c.Keep.Age)/time.Second), c.Name)
	return err
}

const selectChannels = `SELECT c.name, c.description, c.keep_count, c.keep_age, c.created_at, c.created_by,
(SELECT count(*) FROM channel_messages m WHERE m.channel = c.name),
coalesce((SELECT m.id FROM channel_messages m WHERE m.channel = c.name ORDER BY m.seq DESC LIMIT 1), '') FROM channels c`

func scanChannel(row Row) (c fairlead.Channel, err error) {
	var age int64
	err = row.Scan(&c.Name, &c.Description, &c.Keep.Count, &age, ScanTime(&c.CreatedAt), &c.CreatedBy, &c.Messages, &c.Last)
	c.Keep.Age = fairlead.Duration(time.Duration(age) * time.Second)
	return c, err
}

// Channel returns a channel with those of its publishers and listeners that the viewer sees.
func (tx *Tx) Channel(ctx context.Context, v Viewer, name string) (fairlead.Channel, error) {
	c, err := scanChannel(tx.QueryRow(ctx, selectChannels+` WHERE c.name = $1`, name))
	if err != nil {
		return c, NotFound(err, "channel %q does not exist; create it with: fairlead channel create %s", name, name)
	}
	return c, tx.channelEnds(ctx, v, &c)
}

func (tx *Tx) channelEnds(ctx context.Context, v Viewer, c *fairlead.Channel) error {
	const seen = ` AND ($2 = '*' OR EXISTS (SELECT 1 FROM pipelines p JOIN group_roles v ON v.group_name = p.group_name WHERE p.name = pipeline AND v.user_name = $2))`
	text := func(row Row) (string, error) {
		var pipeline, part string
		err := row.Scan(&pipeline, &part)
		return pipeline + "/" + part, err
	}
	rows, err := tx.Query(ctx, `SELECT pipeline, stage FROM publishers WHERE channel = $1`+seen+` ORDER BY pipeline, stage`, c.Name, string(v))
	if c.Publishers, err = Collect(rows, err, text); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `SELECT pipeline, condition FROM listeners WHERE kind = 'channel' AND source = $1`+seen+` ORDER BY pipeline, condition`, c.Name, string(v))
	if c.Listeners, err = Collect(rows, err, text); err != nil {
		return err
	}
	c.CreatedBy, err = tx.seenAs(ctx, v, c.CreatedBy)
	return err
}

// seenAs is what a viewer is told about who did something: of a pipeline that he does not see, only that it was one. The text begins
// with "pipeline NAME" when it was, and what follows the name begins with a comma.
func (tx *Tx) seenAs(ctx context.Context, v Viewer, by string) (string, error) {
	name, ok := strings.CutPrefix(by, "pipeline ")
	if v == Everything || !ok {
		return by, nil
	}
	name, _, _ = strings.Cut(name, ",")
	if seen, err := tx.seesPipeline(ctx, v, name); err != nil || !seen {
		return "a pipeline", err
	}
	return by, nil
}

func (tx *Tx) publishersSeen(ctx context.Context, v Viewer, list []fairlead.ChannelMessage) (err error) {
	for i := range list {
		if list[i].By, err = tx.seenAs(ctx, v, list[i].By); err != nil {
			return err
		}
	}
	return nil
}

// Channels lists channels by name, each as [Tx.Channel] gives it. cursor is the last name of the page before.
func (tx *Tx) Channels(ctx context.Context, v Viewer, limit int, cursor string) ([]fairlead.Channel, string, error) {
	rows, err := tx.Query(ctx, selectChannels+` WHERE c.name > $1 ORDER BY c.name LIMIT $2`, cursor, limit+1)
	list, err := Collect(rows, err, scanChannel)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(c fairlead.Channel) string { return c.Name })
	for i := range list {
		if err := tx.channelEnds(ctx, v, &list[i]); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

// DeleteChannel removes a channel with its messages. The caller has checked that nobody uses it.
func (tx *Tx) DeleteChannel(ctx context.Context, name string) error {
	_, err := tx.Exec(ctx, `DELETE FROM channels WHERE name = $1`, name)
	return err
}

// SetPublishers makes the stages of a pipeline that publish exactly those given: stage to channels.
func (tx *Tx) SetPublishers(ctx context.Context, pipeline string, channels map[string][]string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM publishers WHERE pipeline = $1`, pipeline); err != nil {
		return err
	}
	for stage, list := range channels {
		for _, channel := range list {
			const q = `INSERT INTO publishers (pipeline, stage, channel) VALUES ($1, $2, $3) ON CONFLICT (pipeline, stage, channel) DO NOTHING`
			if _, err := tx.Exec(ctx, q, pipeline, stage, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

// CreateChannelMessage stores a message. Seq and PublishedAt are set here. once, when not empty, may be there once.
func (tx *Tx) CreateChannelMessage(ctx context.Context, m *fairlead.ChannelMessage, once string) error {
	m.PublishedAt = tx.Now
	params, err := json.Marshal(m.Params)
	if err != nil {
		return err
	}
	var unique any
	if once != "" {
		unique = once
	}
	tx.Changed()
	const q = `INSERT INTO channel_messages (seq, id, channel, once, message_key, params, published_by, replay_of, published_at, delivered)
VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM channel_messages), $1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING seq`
	return tx.QueryRow(ctx, q, m.ID, m.Channel, unique, m.Key, string(params), m.By, m.ReplayOf, Time(m.PublishedAt), m.Delivered).Scan(&m.Seq)
}

const selectChannelMessages = `SELECT seq, id, channel, message_key, params, published_by, replay_of, published_at, delivered FROM channel_messages`

func scanChannelMessage(row Row) (m fairlead.ChannelMessage, err error) {
	var params []byte
	if err := row.Scan(&m.Seq, &m.ID, &m.Channel, &m.Key, &params, &m.By, &m.ReplayOf, ScanTime(&m.PublishedAt), &m.Delivered); err != nil {
		return m, err
	}
	return m, json.Unmarshal(params, &m.Params)
}

// ChannelMessage returns one message as the viewer sees it, without its deliveries.
func (tx *Tx) ChannelMessage(ctx context.Context, v Viewer, id string) (fairlead.ChannelMessage, error) {
	m, err := scanChannelMessage(tx.QueryRow(ctx, selectChannelMessages+` WHERE id = $1`, id))
	if err != nil {
		return m, NotFound(err, "message %q does not exist; see: fairlead channel messages NAME", id)
	}
	m.By, err = tx.seenAs(ctx, v, m.By)
	return m, err
}

// ChannelMessageOnce returns the message that was stored with once.
func (tx *Tx) ChannelMessageOnce(ctx context.Context, once string) (fairlead.ChannelMessage, error) {
	m, err := scanChannelMessage(tx.QueryRow(ctx, selectChannelMessages+` WHERE once = $1`, once))
	return m, NotFound(err, "no such message")
}

// ChannelDelivered notes that everybody who listens has the message.
func (tx *Tx) ChannelDelivered(ctx context.Context, id string) error {
	_, err := tx.Exec(ctx, `UPDATE channel_messages SET delivered = $1 WHERE id = $2`, true, id)
	return err
}

// ChannelMessages lists the messages of a channel as the viewer sees them, newest first. cursor is the last seq of the page before.
func (tx *Tx) ChannelMessages(ctx context.Context, v Viewer, channel string, limit int, cursor string) ([]fairlead.ChannelMessage, string, error) {
	before, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := tx.Query(ctx, selectChannelMessages+` WHERE channel = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`, channel, before, limit+1)
	list, err := Collect(rows, err, scanChannelMessage)
	if err != nil {
		return nil, "", err
	}
	list, next := Page(list, limit, func(m fairlead.ChannelMessage) string { return strconv.FormatInt(m.Seq, 10) })
	return list, next, tx.publishersSeen(ctx, v, list)
}

// ChannelMessagesAfter lists the messages of a channel after a seq as the viewer sees them, oldest first.
func (tx *Tx) ChannelMessagesAfter(ctx context.Context, v Viewer, channel string, after int64, limit int) ([]fairlead.ChannelMessage, error) {
	rows, err := tx.Query(ctx, selectChannelMessages+` WHERE channel = $1 AND seq > $2 ORDER BY seq LIMIT $3`, channel, after, limit)
	list, err := Collect(rows, err, scanChannelMessage)
	if err != nil {
		return nil, err
	}
	return list, tx.publishersSeen(ctx, v, list)
}

// PruneChannel removes what the limits of a channel do not keep. A message that was not delivered stays.
func (tx *Tx) PruneChannel(ctx context.Context, c fairlead.Channel) error {
	if c.Keep.Age > 0 {
		before := Time(tx.Now.Add(-time.Duration(c.Keep.Age)))
		const q = `DELETE FROM channel_messages WHERE channel = $1 AND delivered AND published_at < $2`
		if _, err := tx.Exec(ctx, q, c.Name, before); err != nil {
			return err
		}
	}
	if c.Keep.Count > 0 {
		const q = `DELETE FROM channel_messages WHERE channel = $1 AND delivered AND seq <=
(SELECT coalesce((SELECT seq FROM channel_messages WHERE channel = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2), 0))`
		if _, err := tx.Exec(ctx, q, c.Name, c.Keep.Count); err != nil {
			return err
		}
	}
	return nil
}
