package fairlead

import "time"

// Organization is the first part of an image's name and the unit of rights on images.
type Organization struct {
	Name         string    `json:"name"`
	Public       bool      `json:"public" doc:"anyone may pull when the server allows anonymous pulls"`
	Repositories int       `json:"repositories"`
	CreatedAt    time.Time `json:"created_at"`
	CreatedBy    string    `json:"created_by,omitempty"`
}

// Repository holds the tags of one image.
type Repository struct {
	Organization string    `json:"organization"`
	Name         string    `json:"name"`
	Tags         int       `json:"tags"`
	Size         int64     `json:"size" doc:"bytes of all its tags' manifests, configs and layers, each blob counted once per tag"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Tag names one version of an image.
type Tag struct {
	Organization string    `json:"organization"`
	Repository   string    `json:"repository"`
	Name         string    `json:"name"`
	Digest       string    `json:"digest"`
	MediaType    string    `json:"media_type"`
	Size         int64     `json:"size" doc:"bytes of manifest, config and layers; of all platforms for an index"`
	Platforms    []string  `json:"platforms,omitempty" doc:"os/architecture"`
	PushedBy     string    `json:"pushed_by,omitempty"`
	PushedAt     time.Time `json:"pushed_at"`
}
