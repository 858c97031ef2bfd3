package api

import (
	"net/http"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/template"
)

const apiPath = "/api/"

// Tags group the operations in the document.
const (
	tagSessions  = "Sessions"
	tagUsers     = "Users"
	tagTokens    = "Tokens"
	tagTemplates = "Templates"
	tagTargets   = "Targets"
	tagStacks    = "Stacks"
	tagGroups    = "Groups"
	tagPipelines = "Pipelines"
	tagRuns      = "Runs"
	tagChannels  = "Channels"
	tagImages    = "Images"
	tagEvents    = "Events"
	tagAudit     = "Audit log"
	tagHooks     = "Webhooks"
	tagServer    = "Server"
)

// maxPipeline bounds a pipeline file.
const maxPipeline = 1 << 20

// routes is the list of everything that huma serves. Pages and documents are in pages.go.
func (a *API) routes() {
	created, accepted := status(http.StatusCreated), status(http.StatusAccepted)

	add(a, "login", "POST /api/v1/login", tagSessions, "Sign in", a.login, public)
	add(a, "logout", "POST /api/v1/logout", tagSessions, "End the session", a.logout)
	add(a, "whoami", "GET /api/v1/whoami", tagSessions, "Who is signed in", a.whoAmI)

	add(a, "listUsers", "GET /api/v1/users", tagUsers, "List users", a.listUsers)
	add(a, "createUser", "POST /api/v1/users", tagUsers, "Make a user", a.createUser, created)
	add(a, "getUser", "GET /api/v1/users/{name}", tagUsers, "Get a user", a.getUser)
	add(a, "updateUser", "PATCH /api/v1/users/{name}", tagUsers, "Change a user, disable or enable it", a.updateUser)
	add(a, "setPassword", "PUT /api/v1/users/{name}/password", tagUsers, "Change a password", a.setPassword)
	add(a, "deleteUser", "DELETE /api/v1/users/{name}", tagUsers, "Delete a user", a.deleteUser)

	add(a, "listTokens", "GET /api/v1/tokens", tagTokens, "List your API tokens", a.listTokens)
	add(a, "createToken", "POST /api/v1/tokens", tagTokens, "Make an API token", a.createToken, created)
	add(a, "deleteToken", "DELETE /api/v1/tokens/{id}", tagTokens, "Revoke an API token", a.deleteToken)

	add(a, "listTemplates", "GET /api/v1/templates", tagTemplates, "List templates", a.listTemplates)
	add(a, "validateTemplate", "POST /api/v1/templates/validate", tagTemplates, "Check a template text", a.validateTemplate, reads, limit(template.MaxPackage))
	add(a, "getTemplate", "GET /api/v1/templates/{name}", tagTemplates, "Get a template", a.getTemplate)
	add(a, "getTemplateVersion", "GET /api/v1/templates/{name}/versions/{version}", tagTemplates, "Get a template version", a.getTemplateVersion)
	add(a, "getTemplateSource", "GET /api/v1/templates/{name}/versions/{version}/source", tagTemplates, "Get the text of a template version", a.getTemplateSource)
	add(a, "getTemplatePackage", "GET /api/v1/templates/{name}/versions/{version}/package", tagTemplates, "Get the package of a template version", a.getTemplatePackage)
	add(a, "pushTemplate", "PUT /api/v1/templates/{name}/versions/{version}", tagTemplates, "Store a template version", a.pushTemplate, created, limit(template.MaxPackage))
	add(a, "deleteTemplateVersion", "DELETE /api/v1/templates/{name}/versions/{version}", tagTemplates, "Delete a template version", a.deleteTemplateVersion)

	add(a, "listTargets", "GET /api/v1/targets", tagTargets, "List targets", a.listTargets)
	add(a, "createTarget", "POST /api/v1/targets", tagTargets, "Add a target", a.createTarget, created)
	add(a, "getTarget", "GET /api/v1/targets/{name}", tagTargets, "Get a target", a.getTarget)
	add(a, "renewTarget", "PUT /api/v1/targets/{name}/credentials", tagTargets, "Give a cluster's credentials anew", a.renewTarget)
	add(a, "deleteTarget", "DELETE /api/v1/targets/{name}", tagTargets, "Remove a target", a.deleteTarget)
	add(a, "updateTarget", "PATCH /api/v1/targets/{name}", tagTargets, "Change how many stages deploy to a target at once, and when", a.updateTarget)
	add(a, "checkTarget", "POST /api/v1/targets/{name}/check", tagTargets, "Look whether a target answers", a.checkTarget, reads)

	add(a, "listStacks", "GET /api/v1/stacks", tagStacks, "List stacks", a.listStacks)
	add(a, "createStack", "POST /api/v1/stacks", tagStacks, "Make a stack", a.createStack, accepted)
	add(a, "previewStack", "POST /api/v1/stacks/preview", tagStacks, "Show what a request would do", a.previewStack, reads)
	add(a, "getStack", "GET /api/v1/stacks/{name}", tagStacks, "Get a stack", a.getStack)
	add(a, "updateStack", "PATCH /api/v1/stacks/{name}", tagStacks, "Change description, labels or protection", a.updateStack)
	add(a, "deleteStack", "DELETE /api/v1/stacks/{name}", tagStacks, "Delete a stack", a.deleteStack, accepted)
	add(a, "upgradeStack", "POST /api/v1/stacks/{name}/upgrade", tagStacks, "Change a stack's inputs or template version", a.upgradeStack, accepted)
	add(a, "rollbackStack", "POST /api/v1/stacks/{name}/rollback", tagStacks, "Take a stack back to its last good state", a.rollbackStack, accepted)
	add(a, "retryStack", "POST /api/v1/stacks/{name}/retry", tagStacks, "Go on with the action that failed", a.retryStack, accepted)
	add(a, "cancelStack", "POST /api/v1/stacks/{name}/cancel", tagStacks, "Stop the action in flight between elements", a.cancelStack, accepted)
	add(a, "listStackElements", "GET /api/v1/stacks/{name}/elements", tagStacks, "List what was made", a.stackElements)
	add(a, "copyStack", "POST /api/v1/stacks/{name}/copy", tagStacks, "Make a stack like another one somewhere else", a.copyStack, accepted)
	add(a, "exportStack", "POST /api/v1/stacks/{name}/export", tagStacks, "Get a stack as one file", a.exportStack)
	add(a, "listStackHistory", "GET /api/v1/stacks/{name}/history", tagStacks, "List the good states to go back to, newest first", a.stackHistory)
	add(a, "getStackDrift", "GET /api/v1/stacks/{name}/drift", tagStacks, "Compare the target with what was last applied", a.stackDrift)
	add(a, "listStackOutputs", "GET /api/v1/stacks/{name}/outputs", tagStacks, "List outputs", a.stackOutputs)
	add(a, "listStackActions", "GET /api/v1/stacks/{name}/actions", tagStacks, "List actions, newest first", a.stackActions)
	add(a, "listStackEvents", "GET /api/v1/stacks/{name}/events", tagStacks, "List or follow events", a.stackEvents, streams[fairlead.Event]("event"))
	add(a, "getAction", "GET /api/v1/actions/{id}", tagStacks, "Get an action with its plan", a.getAction)

	add(a, "listGroups", "GET /api/v1/groups", tagGroups, "List pipeline groups", a.listGroups)
	add(a, "createGroup", "POST /api/v1/groups", tagGroups, "Make a pipeline group", a.createGroup, created)
	add(a, "getGroup", "GET /api/v1/groups/{name}", tagGroups, "Get a pipeline group", a.getGroup)
	add(a, "updateGroup", "PATCH /api/v1/groups/{name}", tagGroups, "Change a pipeline group", a.updateGroup)
	add(a, "deleteGroup", "DELETE /api/v1/groups/{name}", tagGroups, "Delete an empty pipeline group", a.deleteGroup)
	add(a, "listMembers", "GET /api/v1/groups/{name}/members", tagGroups, "List who has a role in a pipeline group", a.listMembers)
	add(a, "grantRole", "PUT /api/v1/groups/{name}/members/{user}", tagGroups, "Give a user a role in a pipeline group", a.grantRole)
	add(a, "revokeRole", "DELETE /api/v1/groups/{name}/members/{user}", tagGroups, "Take a user's role in a pipeline group", a.revokeRole)

	add(a, "listPipelines", "GET /api/v1/pipelines", tagPipelines, "List pipelines", a.listPipelines)
	add(a, "validatePipeline", "POST /api/v1/pipelines/validate", tagPipelines, "Check a pipeline file", a.validatePipeline, reads, limit(maxPipeline))
	add(a, "getPipeline", "GET /api/v1/pipelines/{name}", tagPipelines, "Get a pipeline with its webhook addresses", a.getPipeline)
	add(a, "applyPipeline", "PUT /api/v1/pipelines/{name}", tagPipelines, "Store a pipeline file", a.applyPipeline, limit(maxPipeline))
	add(a, "deletePipeline", "DELETE /api/v1/pipelines/{name}", tagPipelines, "Delete a pipeline", a.deletePipeline)
	add(a, "listMessages", "GET /api/v1/pipelines/{name}/messages", tagPipelines, "List what arrived for the trigger conditions, newest first", a.listMessages)
	add(a, "changeWebhook", "POST /api/v1/pipelines/{name}/webhooks", tagPipelines, "Change a webhook: its address, its secret, whether it is enabled", a.changeWebhook)
	add(a, "exportPipeline", "POST /api/v1/pipelines/{name}/export", tagPipelines, "Make a template of a pipeline", a.exportPipeline, created)
	add(a, "listPipelineTemplates", "GET /api/v1/pipeline-templates", tagPipelines, "List templates of pipelines: samples and own ones", a.listPipelineTemplates)
	add(a, "getPipelineTemplate", "GET /api/v1/pipeline-templates/{name}", tagPipelines, "Get a template of a pipeline", a.getPipelineTemplate)
	add(a, "putPipelineTemplate", "PUT /api/v1/pipeline-templates/{name}", tagPipelines, "Store a template of a pipeline", a.putPipelineTemplate, limit(maxPipeline))
	add(a, "deletePipelineTemplate", "DELETE /api/v1/pipeline-templates/{name}", tagPipelines, "Delete a template of a pipeline", a.deletePipelineTemplate)
	add(a, "renderPipelineTemplate", "POST /api/v1/pipeline-templates/{name}/render", tagPipelines, "Make a pipeline file of a template; nothing is stored", a.renderPipelineTemplate, reads)
	add(a, "startPipeline", "POST /api/v1/pipelines/{name}/runs", tagRuns, "Start a run", a.startPipeline, accepted)
	add(a, "listRuns", "GET /api/v1/pipelines/{name}/runs", tagRuns, "List runs, newest first", a.listRuns)
	add(a, "listAllRuns", "GET /api/v1/runs", tagRuns, "List runs of all pipelines, newest first", a.listAllRuns)
	add(a, "getRun", "GET /api/v1/runs/{id}", tagRuns, "Get a run", a.getRun)
	add(a, "stopRun", "POST /api/v1/runs/{id}/stop", tagRuns, "Stop a run", a.stopRun, accepted)
	add(a, "retryRun", "POST /api/v1/runs/{id}/retry", tagRuns, "Try a held stage again, or repeat an ended run from a stage on", a.retryRun, accepted)
	add(a, "rollbackRun", "POST /api/v1/runs/{id}/rollback", tagRuns, "Take the stack of a held stage back", a.rollbackRun, accepted)
	add(a, "answerReview", "POST /api/v1/runs/{id}/review", tagRuns, "Answer a review", a.answerReview)
	add(a, "compareRuns", "GET /api/v1/runs/{id}/diff/{other}", tagRuns, "Compare two runs", a.compareRuns)
	add(a, "listNotifications", "GET /api/v1/runs/{id}/notifications", tagRuns, "List what the run has sent to the outside, with every attempt", a.listNotifications)
	add(a, "resendNotification", "POST /api/v1/runs/{id}/notifications/{nid}/resend", tagRuns, "Send a notification again", a.resendNotification, accepted)
	add(a, "listRunLogs", "GET /api/v1/runs/{id}/logs", tagRuns, "List or follow the log", a.runLogs, streams[fairlead.LogLine]("line"))
	add(a, "getRunLogText", "GET /api/v1/runs/{id}/log.txt", tagRuns, "Download the log as text", a.runLogText, plainText)

	add(a, "listFreezes", "GET /api/v1/freezes", tagPipelines, "List the freezes that go on or will come, newest first", a.listFreezes)
	add(a, "createFreeze", "POST /api/v1/freezes", tagPipelines, "Keep deploying stages from beginning for some time", a.createFreeze, created)
	add(a, "getFreeze", "GET /api/v1/freezes/{id}", tagPipelines, "Get a freeze", a.getFreeze)
	add(a, "liftFreeze", "DELETE /api/v1/freezes/{id}", tagPipelines, "End a freeze before its time", a.liftFreeze)
	add(a, "listLocks", "GET /api/v1/locks", tagPipelines, "List the named locks that stages hold or wait for", a.listLocks)

	add(a, "listChannels", "GET /api/v1/channels", tagChannels, "List channels", a.listChannels)
	add(a, "getChannel", "GET /api/v1/channels/{name}", tagChannels, "Get a channel with its publishers and listeners", a.getChannel)
	add(a, "setChannel", "PUT /api/v1/channels/{name}", tagChannels, "Make a channel, or change its description and limits", a.setChannel)
	add(a, "deleteChannel", "DELETE /api/v1/channels/{name}", tagChannels, "Delete a channel that nobody uses", a.deleteChannel)
	add(a, "publish", "POST /api/v1/channels/{name}/messages", tagChannels, "Publish a message", a.publish, accepted)
	add(a, "listChannelMessages", "GET /api/v1/channels/{name}/messages", tagChannels, "List messages, newest first, or follow them", a.channelMessages, streams[fairlead.ChannelMessage]("message"))
	add(a, "getChannelMessage", "GET /api/v1/channels/{name}/messages/{id}", tagChannels, "Get a message with what it did", a.channelMessage)
	add(a, "replayMessage", "POST /api/v1/channels/{name}/messages/{id}/replay", tagChannels, "Publish the content of a message again", a.replayMessage, accepted)

	add(a, "listOrganizations", "GET /api/v1/organizations", tagImages, "List organizations", a.listOrganizations)
	add(a, "createOrganization", "POST /api/v1/organizations", tagImages, "Make an organization", a.createOrganization, created)
	add(a, "deleteOrganization", "DELETE /api/v1/organizations/{org}", tagImages, "Delete an empty organization", a.deleteOrganization)
	add(a, "listRepositories", "GET /api/v1/organizations/{org}/repositories", tagImages, "List repositories", a.listRepositories)
	add(a, "listTags", "GET /api/v1/tags", tagImages, "List the tags of an image", a.listTags)
	add(a, "deleteTag", "DELETE /api/v1/tags", tagImages, "Delete a tag", a.deleteTag)

	add(a, "listEvents", "GET /api/v1/events", tagEvents, "List or follow events", a.events, streams[fairlead.Event]("event"))

	add(a, "listAudit", "GET /api/v1/audit", tagAudit, "List who changed or started what, newest first", a.listAudit)

	add(a, "callHook", "POST "+hooksPath+"{token}", tagHooks, "Send a message to a trigger condition", a.hook, public, accepted, anyQuery)

	add(a, "getSettings", "GET /api/v1/settings", tagServer, "See how the server was started", a.getSettings)
	add(a, "sendTest", "POST /api/v1/settings/test", tagServer, "Send yourself a message, to see whether it arrives", a.sendTest)
	add(a, "getHealth", "GET /healthz", tagServer, "Whether the process serves", a.healthy, public)
	add(a, "getReady", "GET /readyz", tagServer, "Whether everything was started", a.ready, public)
}
