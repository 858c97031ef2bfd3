package api

import (
	"context"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/store"
)

func (a *API) listOrganizations(ctx context.Context, in *Page) (*Body[List[fairlead.Organization]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Organizations}); err != nil {
		return nil, err
	}
	var orgs []fairlead.Organization
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) (err error) {
		orgs, next, err = tx.Organizations(ctx, in.Limit, in.Cursor)
		return err
	})
	return list(orgs, next, err)
}

// NewOrganization is an organization to make.
type NewOrganization struct {
	Body struct {
		Name   string `json:"name"`
		Public bool   `json:"public,omitempty" doc:"anyone may pull when the server allows anonymous pulls"`
	}
}

func (a *API) createOrganization(ctx context.Context, in *NewOrganization) (*Body[fairlead.Organization], error) {
	if err := can(ctx, auth.Change, auth.Object{Kind: auth.Organizations, Name: in.Body.Name}); err != nil {
		return nil, err
	}
	return answer(a.Registry.CreateOrganization(ctx, actorOf(ctx), in.Body.Name, in.Body.Public))
}

// Organization names an organization.
type Organization struct {
	Org string `path:"org" maxLength:"128"`
}

func (a *API) deleteOrganization(ctx context.Context, in *Organization) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.Organizations, Name: in.Org}); err != nil {
		return nil, err
	}
	return &None{}, a.Registry.DeleteOrganization(ctx, in.Org)
}

// OrganizationPage selects a page of an organization's repositories.
type OrganizationPage struct {
	Organization
	Page
}

func (a *API) listRepositories(ctx context.Context, in *OrganizationPage) (*Body[List[fairlead.Repository]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Images, Name: in.Org}); err != nil {
		return nil, err
	}
	var repositories []fairlead.Repository
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Organization(ctx, in.Org)
		if err == nil {
			repositories, next, err = tx.Repositories(ctx, in.Org, in.Limit, in.Cursor)
		}
		return err
	})
	return list(repositories, next, err)
}

// TagQuery selects the tags of an image.
type TagQuery struct {
	Image string `query:"image" required:"true" maxLength:"300" doc:"organization/repository"`
	Page
}

func (a *API) listTags(ctx context.Context, in *TagQuery) (*Body[List[fairlead.Tag]], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Images, Name: in.Image}); err != nil {
		return nil, err
	}
	org, repository, ok := strings.Cut(in.Image, "/")
	if !ok || org == "" || repository == "" || strings.ContainsAny(repository, ":@") {
		return nil, fairlead.Errorf(fairlead.Invalid, "image %q: want organization/repository, without a tag", in.Image)
	}
	var tags []fairlead.Tag
	var next string
	err := a.DB.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Repository(ctx, org, repository)
		if err == nil {
			tags, next, err = tx.Tags(ctx, org, repository, in.Limit, in.Cursor)
		}
		return err
	})
	return list(tags, next, err)
}

// TagName names a tag.
type TagName struct {
	Image string `query:"image" required:"true" maxLength:"300" doc:"organization/repository:tag"`
}

func (a *API) deleteTag(ctx context.Context, in *TagName) (*None, error) {
	if err := can(ctx, auth.Remove, auth.Object{Kind: auth.Images, Name: in.Image}); err != nil {
		return nil, err
	}
	return &None{}, a.Registry.DeleteTagAs(ctx, actorOf(ctx), in.Image)
}
