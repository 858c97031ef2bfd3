package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// CreateOrganization makes an organization, which must exist before the first push into it.
func (r *Registry) CreateOrganization(ctx context.Context, actor fairlead.Actor, name string, public bool) (fairlead.Organization, error) {
	org := fairlead.Organization{Name: name, Public: public, CreatedBy: actor.String()}
	if err := CheckOrganization(name); err != nil {
		return org, err
	}
	err := r.cfg.DB.Write(ctx, func(tx *store.Tx) error { return tx.CreateOrganization(ctx, &org) })
	return org, err
}

// SetPublic changes whether everybody may pull from an organization; see [Config.Anonymous].
func (r *Registry) SetPublic(ctx context.Context, name string, public bool) error {
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error { return tx.UpdateOrganization(ctx, name, public) })
}

// DeleteOrganization removes an organization that holds no repositories; with some it is a Conflict.
func (r *Registry) DeleteOrganization(ctx context.Context, name string) error {
	return r.cfg.DB.Write(ctx, func(tx *store.Tx) error { return tx.DeleteOrganization(ctx, name) })
}

const (
	catalogPage    = 100
	maxCatalogPage = 1000
)

// serveCatalog lists the names of the repositories that the caller may pull.
func (r *Registry) serveCatalog(w http.ResponseWriter, req *http.Request, who caller) error {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return fault{http.StatusMethodNotAllowed, codeUnsupported, "the catalogue can only be read"}
	}
	if who.anonymous {
		return loginNeeded("registry:catalog:*")
	}
	n, last := catalogPage, req.URL.Query().Get("last")
	if text := req.URL.Query().Get("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > maxCatalogPage {
			return fault{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", fmt.Sprintf("n is %q; want a number from 1 to %d", text, maxCatalogPage)}
		}
	}
	names, more, err := r.visible(req.Context(), who, n, last)
	if err != nil {
		return err
	}
	if more {
		q := url.Values{"n": {strconv.Itoa(n)}, "last": {names[len(names)-1]}}
		w.Header().Set("Link", "</v2/_catalog?"+q.Encode()+`>; rel="next"`)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"repositories": names})
}

// visible reads pages of the catalogue until n repositories are found that the caller may pull.
func (r *Registry) visible(ctx context.Context, who caller, n int, cursor string) (names []string, more bool, err error) {
	names = []string{}
	err = r.cfg.DB.Read(ctx, func(tx *store.Tx) error {
		for {
			page, next, err := tx.Repositories(ctx, "", maxCatalogPage, cursor)
			if err != nil {
				return err
			}
			for _, rp := range page {
				if !r.cfg.Can(who.actor, Pull, rp.Organization) {
					continue
				}
				if more = len(names) == n; more {
					return nil
				}
				names = append(names, rp.Organization+"/"+rp.Name)
			}
			if cursor = next; next == "" {
				return nil
			}
		}
	})
	return names, more, err
}
