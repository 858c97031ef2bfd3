package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func newImageCommand(a *app) *cobra.Command {
	return newGroup("image", "Images in the registry and the organizations that hold them",
		newImageListCommand(a), newImageTagsCommand(a), newImageDeleteCommand(a),
		newImageCreateOrgCommand(a), newImageListOrgsCommand(a), newImageDeleteOrgCommand(a))
}

func newImageListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list [ORG[/REPO]]", Short: "List the repositories: all, of an organization, or one",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			list := everyRepository(cmd.Context(), c)
			if len(args) == 1 {
				org, repo, one := strings.Cut(args[0], "/")
				list = c.Repositories(cmd.Context(), org)
				if one {
					list = only(list, org, repo)
				}
			}
			return showList(a.view(cmd), list, []string{"REPOSITORY", "TAGS", "SIZE", "UPDATED"},
				func(r fairlead.Repository, p *printer) []string {
					return []string{r.Organization + "/" + r.Name, fmt.Sprint(r.Tags), size(r.Size), p.ago(r.UpdatedAt)}
				})
		}),
	}
	addOutput(cmd)
	return cmd
}

// everyRepository lists the repositories of all organizations.
func everyRepository(ctx context.Context, c *client.Client) iter.Seq2[fairlead.Repository, error] {
	return func(yield func(fairlead.Repository, error) bool) {
		for org, err := range c.Organizations(ctx) {
			if err != nil {
				yield(fairlead.Repository{}, err)
				return
			}
			for repo, err := range c.Repositories(ctx, org.Name) {
				if !yield(repo, err) || err != nil {
					return
				}
			}
		}
	}
}

// only leaves one repository of a list; that it is missing is an error.
func only(list iter.Seq2[fairlead.Repository, error], org, name string) iter.Seq2[fairlead.Repository, error] {
	return func(yield func(fairlead.Repository, error) bool) {
		for repo, err := range list {
			if err != nil || repo.Name == name {
				yield(repo, err)
				return
			}
		}
		yield(fairlead.Repository{}, fairlead.Errorf(fairlead.NotFound, "repository %s/%s does not exist; see: fairlead image list %s", org, name, org))
	}
}

func newImageTagsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "tags ORG/REPO", Short: "List the tags of an image", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		return showList(a.view(cmd), c.Tags(cmd.Context(), args[0]), []string{"TAG", "DIGEST", "SIZE", "PLATFORMS", "PUSHED", "BY"},
			func(t fairlead.Tag, p *printer) []string {
				return []string{t.Name, t.Digest, size(t.Size), orDash(strings.Join(t.Platforms, ",")), p.ago(t.PushedAt), orDash(t.PushedBy)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newImageDeleteCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete ORG/REPO:TAG", Short: "Remove a tag", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if repo, tag, ok := cutTag(args[0]); !ok || repo == "" || tag == "" {
			return usage(cmd, "image %q: want ORG/REPO:TAG", args[0])
		}
		if err := c.DeleteTag(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "image %s was deleted\n", args[0])
		return nil
	})}
}

// cutTag splits an image at its tag.
func cutTag(image string) (repo, tag string, ok bool) {
	i := strings.LastIndexByte(image, ':')
	if i < strings.LastIndexByte(image, '/') {
		return image, "", false
	}
	return image[:i], image[i+1:], true
}

func newImageCreateOrgCommand(a *app) *cobra.Command {
	var public bool
	cmd := &cobra.Command{
		Use: "create-org ORG", Short: "Make an organization, so that images can be pushed below it",
		RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
			o, err := c.CreateOrganization(cmd.Context(), args[0], public)
			if err != nil {
				return err
			}
			return a.view(cmd).show(o, func(p *printer) { p.linef("organization %s was made", o.Name) })
		}),
	}
	cmd.Flags().BoolVar(&public, "public", false, "anyone may pull, when the server allows anonymous pulls")
	addOutput(cmd)
	return cmd
}

func newImageListOrgsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list-orgs", Short: "List the organizations", RunE: a.call(func(cmd *cobra.Command, c *client.Client, _ []string) error {
		return showList(a.view(cmd), c.Organizations(cmd.Context()), []string{"ORGANIZATION", "PUBLIC", "REPOSITORIES", "CREATED", "BY"},
			func(o fairlead.Organization, p *printer) []string {
				return []string{o.Name, yesNo(o.Public), fmt.Sprint(o.Repositories), p.ago(o.CreatedAt), orDash(o.CreatedBy)}
			})
	})}
	addOutput(cmd)
	return cmd
}

func newImageDeleteOrgCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "delete-org ORG", Short: "Remove an organization that has no repositories", RunE: a.call(func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := c.DeleteOrganization(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "organization %s was deleted\n", args[0])
		return nil
	})}
}
