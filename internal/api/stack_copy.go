package api

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/auth"
	"github.com/fairlead/fairlead/internal/stack"
)

// StackCopy makes a stack of the same template version and inputs somewhere else.
type StackCopy struct {
	Named
	Body struct {
		Name        string             `json:"name" doc:"of the new stack"`
		Target      string             `json:"target,omitempty" doc:"default: as it is"`
		Namespace   string             `json:"namespace,omitempty" doc:"default: as it is"`
		Description string             `json:"description,omitempty" maxLength:"1000" doc:"default: as it is"`
		Labels      map[string]string  `json:"labels,omitempty" doc:"default: as they are"`
		Protected   bool               `json:"protected,omitempty"`
		Inputs      map[string]any     `json:"inputs,omitempty" doc:"laid over those of the stack"`
		Map         map[string]string  `json:"map,omitempty" doc:"texts to replace in the inputs, wherever they stand as whole words"`
		OnFailure   fairlead.OnFailure `json:"on_failure,omitempty" enum:"keep,rollback" doc:"default: keep"`
		Timeout     fairlead.Duration  `json:"timeout,omitempty" example:"60m"`
		Adopt       []string           `json:"adopt,omitempty" maxItems:"10000"`
		Comment     string             `json:"comment,omitempty" maxLength:"1000" doc:"why, for the record"`
	}
}

func (a *API) copyStack(ctx context.Context, in *StackCopy) (*Body[Begun], error) {
	b := in.Body
	for _, name := range []string{in.Name, b.Name} {
		if err := can(ctx, auth.Change, auth.Object{Kind: auth.Stacks, Name: name}); err != nil {
			return nil, err
		}
	}
	change := StackChange{Target: b.Target, Namespace: b.Namespace, Description: b.Description, Labels: b.Labels, Protected: b.Protected,
		Inputs: b.Inputs, OnFailure: b.OnFailure, Timeout: b.Timeout, Adopt: b.Adopt, Comment: b.Comment}
	r, err := a.Stacks.CopyRequest(ctx, stack.Copy{From: in.Name, Map: b.Map, Request: change.request(ctx, fairlead.VerbCreate, b.Name)})
	if err != nil {
		return nil, err
	}
	return a.begin(ctx, auth.Change, r, "")
}

// StackExport says how a stack is exported.
type StackExport struct {
	Named
	Body *struct {
		Passphrase string `json:"passphrase,omitempty" maxLength:"1000" doc:"seals the secret inputs, which are left out without it; administrators only"`
	}
}

func (a *API) exportStack(ctx context.Context, in *StackExport) (*Body[fairlead.StackExport], error) {
	if err := can(ctx, auth.View, auth.Object{Kind: auth.Stacks, Name: in.Name}); err != nil {
		return nil, err
	}
	passphrase := ""
	if in.Body != nil {
		passphrase = in.Body.Passphrase
	}
	if passphrase != "" {
		if err := can(ctx, auth.View, auth.Object{Kind: auth.Secrets, Name: in.Name}); err != nil {
			return nil, err
		}
	}
	return answer(a.Stacks.Export(ctx, in.Name, passphrase))
}
