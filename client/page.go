package client

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
)

// page is one answer of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// list walks all pages of a list. It fetches a page when the one before is used up, and ends with the first error.
func list[T any](ctx context.Context, c *Client, query url.Values, path ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := maps.Clone(query)
		if q == nil {
			q = url.Values{}
		}
		for {
			var p page[T]
			if err := c.do(ctx, call{method: http.MethodGet, path: path, query: q, out: &p}); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" || p.Next == q.Get("cursor") {
				return
			}
			q.Set("cursor", p.Next)
		}
	}
}

// Collect gathers a list; it is never nil without an error.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	all := []T{}
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
