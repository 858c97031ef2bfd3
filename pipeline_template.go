package fairlead

import "time"

// PipelineTemplate is a pipeline with places to fill in: a sample that came with the program, or one of somebody's own.
type PipelineTemplate struct {
	Name     string           `json:"name"`
	Kind     TemplateKind     `json:"kind" enum:"sample,own"`
	Category TemplateCategory `json:"category" enum:"image-deployment,gray-release,multi-environment,chart-deployment,chain,test,other"`
	Title    LocalText        `json:"title"`
	// Description says what the pipeline does and what must be there before it runs.
	Description LocalText `json:"description"`
	// Placeholders are what is asked when a pipeline is made of it; name and group of the new pipeline come first.
	Placeholders []Placeholder `json:"placeholders" nullable:"false"`
	// Source is the file as it was pushed. Lists leave it out.
	Source    string     `json:"source,omitempty"`
	By        string     `json:"by,omitempty" doc:"who stored it; absent for a sample"`
	CreatedAt *time.Time `json:"created_at,omitempty" doc:"when it was stored; absent for a sample"`
}

// TemplateKind says where a pipeline template comes from.
type TemplateKind string

const (
	SampleTemplate TemplateKind = "sample" // came with the program
	OwnTemplate    TemplateKind = "own"    // somebody stored it
)

// TemplateCategory is what a pipeline template is for.
type TemplateCategory string

const (
	ImageDeployment  TemplateCategory = "image-deployment"
	GrayRelease      TemplateCategory = "gray-release"
	MultiEnvironment TemplateCategory = "multi-environment"
	ChartDeployment  TemplateCategory = "chart-deployment"
	ChainCategory    TemplateCategory = "chain"
	TestCategory     TemplateCategory = "test"
	OtherCategory    TemplateCategory = "other"
)

// TemplateCategories are all categories, in the order of a list of them.
func TemplateCategories() []TemplateCategory {
	return []TemplateCategory{ImageDeployment, GrayRelease, MultiEnvironment, ChartDeployment, ChainCategory, TestCategory, OtherCategory}
}

// Placeholder is a place of a pipeline template: {name} in its texts.
type Placeholder struct {
	Name        string    `json:"name"`
	Description LocalText `json:"description"`
	Default     string    `json:"default,omitempty" doc:"what stands there when nothing is given"`
	Required    bool      `json:"required" doc:"has no default: it must be given, and not as an empty text"`
	Secret      bool      `json:"secret,omitempty" doc:"takes a secret: do not show what is typed"`
}

// LocalText is a text in the languages of the console. A language that is absent is as English.
type LocalText struct {
	En string `json:"en"`
	Zh string `json:"zh,omitempty"`
}
