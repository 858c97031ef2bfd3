package stack

import (
	"container/list"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

// keptTemplates bounds the parsed templates that are kept.
const keptTemplates = 16

// templateCache keeps the parsed templates that were used last, by the digest of their text.
type templateCache struct {
	mu    sync.Mutex
	items map[string]*list.Element
	order list.List // *cachedTemplate, last used first
}

type cachedTemplate struct {
	digest   string
	template *template.Template
}

func (c *templateCache) parse(v fairlead.TemplateVersion) (*template.Template, error) {
	if t := c.get(v.Digest); t != nil {
		return t, nil
	}
	t, diags := template.Parse(v.Filename, v.Source)
	if err := diags.Err("template " + v.Template + "@" + v.Version); err != nil {
		return nil, err
	}
	c.put(v.Digest, t)
	return t, nil
}

func (c *templateCache) get(digest string) *template.Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, ok := c.items[digest]
	if !ok {
		return nil
	}
	c.order.MoveToFront(item)
	return item.Value.(*cachedTemplate).template
}

func (c *templateCache) put(digest string, t *template.Template) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = map[string]*list.Element{}
	}
	if _, there := c.items[digest]; there {
		return
	}
	c.items[digest] = c.order.PushFront(&cachedTemplate{digest, t})
	if c.order.Len() > keptTemplates {
		last := c.order.Remove(c.order.Back()).(*cachedTemplate)
		delete(c.items, last.digest)
	}
}
