package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// openReview begins to wait for the answers of people.
func (t *transition) openReview(i int) {
	s := &t.run.Stages[i]
	if s.State != fairlead.StageWaiting {
		t.moveStage(i, fairlead.StageWaiting)
	}
	s.Attempt++
	s.Message, s.StartedAt, s.EndedAt = "", &t.at, nil
	review := *s.Review
	review.OpenedAt, review.ExpiresAt, review.Votes, review.Preview = &t.at, nil, nil, nil
	if d := time.Duration(review.Expires); d > 0 {
		until := t.at.Add(d)
		review.ExpiresAt = &until
		t.do(SetTimer{Stage: i, Attempt: s.Attempt, What: timerReview, At: until})
	}
	s.Review = &review
	s.WaitingFor = answers(review)
	t.log(s.Name, "stage-waits", "%s waits for %s", t.name(i), s.WaitingFor)
	if of := t.nextDeploy(i); of >= 0 {
		t.do(MakePreview{Stage: i, Attempt: s.Attempt, Of: of})
	}
}

// nextDeploy is the first deploy stage, or task, that waits for stage i; -1 when there is none.
func (t *transition) nextDeploy(i int) int {
	behind := t.behind(i)
	for n, s := range t.run.Stages {
		root := n
		if s.Parent != "" {
			root = t.find(s.Parent)
		}
		if root != i && behind[root] && s.Type == fairlead.StageTemplateDeploy {
			return n
		}
	}
	return -1
}

// answers says whose answers a review waits for.
func answers(r fairlead.ReviewRun) string {
	who := slices.Clone(r.Users)
	for _, g := range r.Groups {
		who = append(who, g.String())
	}
	text := ""
	switch list := strings.Join(who, ", "); {
	case r.Mode == "one":
		text = "the approval of one of " + list
	case r.Mode == "at_least":
		text = fmt.Sprintf("the approval of at least %d of %s", r.Count, list)
	default:
		text = "the approval of " + list
	}
	if r.ExpiresAt != nil {
		text += ", until " + stamp(*r.ExpiresAt)
	}
	return text
}

// reviewing returns a review that waits for answers, nil when the stage is none.
func (t *transition) reviewing(i int) *fairlead.StageRun {
	s := t.stage(i)
	if s == nil || s.Review == nil || s.Review.OpenedAt == nil || s.State != fairlead.StageWaiting || !t.active() || t.run.Stopping {
		return nil
	}
	return s
}

func (t *transition) previewed(e Previewed) {
	s := t.reviewing(e.Stage)
	if s == nil || s.Attempt != e.Attempt || s.Review.Preview != nil {
		return
	}
	review := *s.Review
	review.Preview = &e.Preview
	s.Review = &review
	if e.Preview.Problem != "" {
		t.log(s.Name, "stage-warning", "there is no preview of stage %q: %s", e.Preview.Stage, e.Preview.Problem)
		return
	}
	t.log(s.Name, "stage-preview", "preview of stage %q: %s would get %d operations, plan %s", e.Preview.Stage, "stack "+e.Preview.Stack, len(e.Preview.Operations), e.Preview.Hash)
}

func (t *transition) answered(e Answered) {
	s := t.reviewing(e.Stage)
	if s == nil {
		return
	}
	review := *s.Review
	if review.ExpiresAt != nil && !t.at.Before(*review.ExpiresAt) {
		return
	}
	e.Vote.At = t.at
	review.Votes = append(slices.DeleteFunc(slices.Clone(review.Votes), func(v fairlead.Vote) bool { return v.User == e.Vote.User }), e.Vote)
	s.Review = &review
	comment := ""
	if e.Vote.Comment != "" {
		comment = ": " + e.Vote.Comment
	}
	if !e.Vote.Approve {
		t.log(s.Name, "stage-rejected", "%s rejected%s", e.Vote.User, comment)
		t.finish(StageEnded{Stage: e.Stage, State: fairlead.StageFailed, Text: "rejected by " + e.Vote.User + comment})
		return
	}
	t.log(s.Name, "stage-approved", "%s approved%s", e.Vote.User, comment)
	if !enough(review) {
		return
	}
	if p := review.Preview; p != nil {
		if next := t.stage(t.find(p.Stage)); next != nil && next.State == fairlead.StagePending {
			next.Approved = p.Hash
		}
	}
	t.moveStage(e.Stage, fairlead.StageRunning)
	s.Attempt-- // it is the attempt that began with the question
	s.StartedAt = review.OpenedAt
	t.finish(StageEnded{Stage: e.Stage, State: fairlead.StageSucceeded, Text: approvers(review)})
}

// enough reports whether the approvals are those that the review asks for.
func enough(r fairlead.ReviewRun) bool {
	switch r.Mode {
	case "one":
		return len(r.Votes) > 0
	case "at_least":
		return len(r.Votes) >= r.Count
	}
	for _, user := range r.Users {
		if !slices.ContainsFunc(r.Votes, func(v fairlead.Vote) bool { return v.User == user }) {
			return false
		}
	}
	for _, group := range r.Groups {
		if !slices.ContainsFunc(r.Votes, func(v fairlead.Vote) bool { return slices.Contains(v.Groups, group.String()) }) {
			return false
		}
	}
	return true
}

func approvers(r fairlead.ReviewRun) string {
	who := make([]string, len(r.Votes))
	for i, v := range r.Votes {
		who[i] = v.User
	}
	return "approved by " + strings.Join(who, ", ")
}

// reviewExpired ends a review whose time is up.
func (t *transition) reviewExpired(i int) {
	s := t.reviewing(i)
	if s == nil || s.Review.ExpiresAt == nil || t.at.Before(*s.Review.ExpiresAt) {
		return
	}
	t.finish(StageEnded{Stage: i, State: fairlead.StageTimedOut, Text: "nobody answered in time"})
}
