package auth

import (
	"context"
	"crypto/subtle"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/store"
)

// pullerPrefix starts the user name of a target's nodes, which is no name that a user can have.
const pullerPrefix = "target+"

// viaTarget starts what an actor that is a target's nodes came by.
const viaTarget = "target "

// Puller is the user name with which the nodes of a target pull images; the password is the target's pull key.
func Puller(target string) string { return pullerPrefix + target }

// Images checks who wants to use the registry: a user as [Auth.Basic] does, or the nodes of a target, which may pull.
func (a *Auth) Images(ctx context.Context, user, secret string) (fairlead.Actor, error) {
	target, ok := strings.CutPrefix(user, pullerPrefix)
	if !ok {
		return a.Basic(ctx, user, secret)
	}
	var c store.TargetCredentials
	err := a.db.Read(ctx, func(tx *store.Tx) (err error) { c, err = tx.TargetCredentials(ctx, target); return err })
	if err != nil && fairlead.ErrorCode(err) != fairlead.NotFound {
		return fairlead.Actor{}, err
	}
	if c.PullKey == "" || subtle.ConstantTimeCompare([]byte(c.PullKey), []byte(secret)) != 1 {
		return fairlead.Actor{}, fairlead.Errorf(fairlead.Unauthenticated, "user name or password is wrong")
	}
	return fairlead.Actor{Via: viaTarget + target}, nil
}

// isPuller reports whether an actor is the nodes of a target: all that they may is to pull.
func isPuller(actor fairlead.Actor) bool {
	return actor.User == "" && strings.HasPrefix(actor.Via, viaTarget)
}
