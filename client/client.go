// Package client is the Go client of the HTTP API: one typed method for each call, with the nouns of the root package.
//
// Answers of the server that tell of a problem come back as *fairlead.Error with its code and every single problem, a
// server that does not answer as the code Unavailable. Lists are iterators over all pages; what goes on for long is
// followed as an iterator that reconnects by itself. The package depends on nothing but the root package and knows neither
// the command line nor how the server does its work.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// Config says which server, and who is asking. URL is required; Token wins over User and Password; all three may be empty
// for the calls that need no credentials.
type Config struct {
	// URL is the server's address, such as http://127.0.0.1:8080; a path in it is kept as a prefix.
	URL            string
	Token          string // API token or session token
	User, Password string
	// HTTP makes the requests. Default: a client of its own that waits up to two minutes for the head of an answer.
	HTTP *http.Client
	// UserAgent names the program. Default: fairlead-client.
	UserAgent string
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base  string
	auth  string
	agent string
	http  *http.Client
	retry retry
}

const (
	headTimeout = 2 * time.Minute
	maxAnswer   = 256 << 20 // no answer is near this; it bounds what a wrong server can make us keep
)

// New returns a client. It makes no request.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, fairlead.Errorf(fairlead.Invalid, "server address %q: want http://HOST[:PORT] or https://HOST[:PORT]", cfg.URL)
	}
	c := &Client{base: base.String(), agent: cfg.UserAgent, http: cfg.HTTP, retry: defaultRetry}
	switch {
	case cfg.Token != "":
		c.auth = "Bearer " + cfg.Token
	case cfg.User != "":
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(cfg.User, cfg.Password)
		c.auth = r.Header.Get("Authorization")
	}
	if c.agent == "" {
		c.agent = "fairlead-client"
	}
	if c.http == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = headTimeout
		c.http = &http.Client{Transport: transport}
	}
	return c, nil
}

// URL returns the server's address without a slash at its end.
func (c *Client) URL() string { return c.base }

// raw is a request body that is not JSON.
type raw struct {
	contentType string
	data        []byte
}

// call is one request: in is nil, a raw body or a value for JSON; out is nil, a *[]byte for the answer as it is, or where
// to decode JSON.
type call struct {
	method string
	path   []string // below /api/v1; each part is escaped
	query  url.Values
	header http.Header
	in     any
	out    any
}

// fetch makes one request and returns its decoded answer.
func fetch[T any](ctx context.Context, c *Client, call call) (T, error) {
	var out T
	call.out = &out
	err := c.do(ctx, call)
	return out, err
}

func get[T any](ctx context.Context, c *Client, path ...string) (T, error) {
	return fetch[T](ctx, c, call{method: http.MethodGet, path: path})
}

func post[T any](ctx context.Context, c *Client, in any, path ...string) (T, error) {
	return fetch[T](ctx, c, call{method: http.MethodPost, path: path, in: in})
}

func (c *Client) delete(ctx context.Context, path ...string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path})
}

// do makes one request and reads its whole answer.
func (c *Client) do(ctx context.Context, call call) error {
	res, err := c.send(ctx, call)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return c.unanswered(ctx, err)
	}
	switch out := call.out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = body
		return nil
	}
	if err := json.Unmarshal(body, call.out); err != nil {
		return fairlead.Errorf(fairlead.Unavailable, "server %s: the answer to %s %s is not what a Fairlead server says: %w",
			c.base, call.method, res.Request.URL.Path, err)
	}
	return nil
}

// send makes one request and returns the answer when it is good. The caller closes its body.
func (c *Client) send(ctx context.Context, call call) (*http.Response, error) {
	req, err := c.request(ctx, call)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, problem(res)
	}
	return res, nil
}

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	address := c.base + "/api/v1"
	for _, part := range call.path {
		if part == "" || part == "." || part == ".." {
			return nil, fairlead.Errorf(fairlead.Invalid, "name %q: want a name", part)
		}
		address += "/" + url.PathEscape(part)
	}
	if len(call.query) > 0 {
		address += "?" + call.query.Encode()
	}
	body, contentType, err := encode(call.in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, call.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", call.method, address, err)
	}
	for k, v := range call.header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json, application/problem+json")
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

func encode(in any) (io.Reader, string, error) {
	switch in := in.(type) {
	case nil:
		return http.NoBody, "", nil
	case raw:
		return bytes.NewReader(in.data), in.contentType, nil
	}
	data, err := json.Marshal(in)
	if err != nil {
		return nil, "", fmt.Errorf("encode the request: %w", err)
	}
	return bytes.NewReader(data), "application/json", nil
}

// unanswered wraps what went wrong on the way. The end of the context stays what it is, so that callers can tell it.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without method and address, which the message has
	}
	return fairlead.Errorf(fairlead.Unavailable, "server %s does not answer: %w", c.base, err)
}

// set returns a query of the given pairs without those whose value is empty.
func set(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
