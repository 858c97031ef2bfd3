// What an entry of the audit log says, as a sentence without its subject. NAME stands for the thing's name; of a run it is that of
// the pipeline. Operations are those of the API that change or start something, and three that only the log knows.
import type { Language } from "../../i18n";

const en = {
  login: "signed in", logout: "signed out",
  createUser: "made user NAME", updateUser: "changed user NAME", setPassword: "changed the password of NAME", deleteUser: "deleted user NAME",
  createToken: "made an API token", deleteToken: "revoked an API token",
  pushTemplate: "stored a version of template NAME", deleteTemplateVersion: "deleted a version of template NAME",
  createTarget: "added target NAME", updateTarget: "changed the rules of target NAME", renewTarget: "renewed the credentials of target NAME", deleteTarget: "removed target NAME",
  createStack: "made stack NAME", updateStack: "changed the description or protection of stack NAME", deleteStack: "deleted stack NAME", upgradeStack: "upgraded stack NAME", rollbackStack: "rolled back stack NAME",
  retryStack: "retried the action of stack NAME", cancelStack: "canceled the action of stack NAME", copyStack: "copied stack NAME", exportStack: "exported stack NAME",
  createGroup: "made group NAME", updateGroup: "changed group NAME", deleteGroup: "deleted group NAME", grantRole: "gave a role in group NAME", revokeRole: "took away a role in group NAME",
  applyPipeline: "saved pipeline NAME", deletePipeline: "deleted pipeline NAME", changeWebhook: "changed a webhook of pipeline NAME", startPipeline: "started pipeline NAME", stopRun: "stopped a run of pipeline NAME",
  retryRun: "retried a stage of pipeline NAME", rollbackRun: "rolled back a stage of pipeline NAME", answerReview: "answered a review of pipeline NAME", resendNotification: "sent a notification of pipeline NAME again",
  exportPipeline: "made pipeline template NAME from a pipeline", putPipelineTemplate: "stored pipeline template NAME", deletePipelineTemplate: "deleted pipeline template NAME",
  createFreeze: "began a freeze NAME", liftFreeze: "lifted a freeze NAME",
  setChannel: "changed channel NAME", deleteChannel: "deleted channel NAME", publish: "published to channel NAME", replayMessage: "sent a message of channel NAME again",
  createOrganization: "made organization NAME", deleteOrganization: "deleted organization NAME", deleteTag: "deleted image NAME", pushImage: "pushed image NAME", deleteImage: "deleted image NAME",
  startRun: "started pipeline NAME", callHook: "called a webhook of pipeline NAME", sendTest: "sent a test message", exportStackSecrets: "exported the secrets of stack NAME",
};

const zh: Record<keyof typeof en, string> = {
  login: "登录", logout: "退出登录",
  createUser: "创建了用户 NAME", updateUser: "修改了用户 NAME", setPassword: "修改了 NAME 的密码", deleteUser: "删除了用户 NAME",
  createToken: "创建了 API 令牌", deleteToken: "吊销了 API 令牌",
  pushTemplate: "上传了模板 NAME 的一个版本", deleteTemplateVersion: "删除了模板 NAME 的一个版本",
  createTarget: "添加了集群 NAME", updateTarget: "修改了集群 NAME 的规则", renewTarget: "更新了集群 NAME 的凭据", deleteTarget: "移除了集群 NAME",
  createStack: "创建了堆栈 NAME", updateStack: "修改了堆栈 NAME 的描述或保护", deleteStack: "删除了堆栈 NAME", upgradeStack: "变更了堆栈 NAME", rollbackStack: "回滚了堆栈 NAME",
  retryStack: "重试了堆栈 NAME 的操作", cancelStack: "取消了堆栈 NAME 的操作", copyStack: "复制了堆栈 NAME", exportStack: "导出了堆栈 NAME",
  createGroup: "创建了流水线组 NAME", updateGroup: "修改了流水线组 NAME", deleteGroup: "删除了流水线组 NAME", grantRole: "在流水线组 NAME 中授予了角色", revokeRole: "在流水线组 NAME 中收回了角色",
  applyPipeline: "保存了流水线 NAME", deletePipeline: "删除了流水线 NAME", changeWebhook: "修改了流水线 NAME 的 Webhook", startPipeline: "启动了流水线 NAME", stopRun: "停止了流水线 NAME 的一次执行",
  retryRun: "重试了流水线 NAME 的一个阶段", rollbackRun: "回滚了流水线 NAME 的一个阶段", answerReview: "审核了流水线 NAME", resendNotification: "重新发送了流水线 NAME 的通知",
  exportPipeline: "由流水线导出了模板 NAME", putPipelineTemplate: "保存了流水线模板 NAME", deletePipelineTemplate: "删除了流水线模板 NAME",
  createFreeze: "创建了封板 NAME", liftFreeze: "解除了封板 NAME",
  setChannel: "修改了频道 NAME", deleteChannel: "删除了频道 NAME", publish: "向频道 NAME 发布了消息", replayMessage: "重新发送了频道 NAME 的消息",
  createOrganization: "创建了组织 NAME", deleteOrganization: "删除了组织 NAME", deleteTag: "删除了镜像 NAME", pushImage: "推送了镜像 NAME", deleteImage: "删除了镜像 NAME",
  startRun: "启动了流水线 NAME", callHook: "调用了流水线 NAME 的 Webhook", sendTest: "发送了测试消息", exportStackSecrets: "导出了堆栈 NAME 的敏感值",
};

const words: Record<Language, Record<string, string>> = { en, "zh-CN": zh };
const vias: Record<Language, Record<string, string>> = {
  en: { webhook: "A webhook", channel: "A channel message", image: "A pushed image", schedule: "The schedule", registry: "The registry" },
  "zh-CN": { webhook: "Webhook", channel: "频道消息", image: "镜像推送", schedule: "定时任务", registry: "镜像仓库" },
};

// The verbs above as they stand after "tried to".
const infinitives: Record<string, string> = {
  signed: "sign", made: "make", changed: "change", deleted: "delete", revoked: "revoke", stored: "store", added: "add", renewed: "renew", removed: "remove", upgraded: "upgrade", rolled: "roll", retried: "retry",
  canceled: "cancel", copied: "copy", exported: "export", gave: "give", took: "take", saved: "save", started: "start", stopped: "stop", answered: "answer", sent: "send", began: "begin", lifted: "lift",
  published: "publish", pushed: "push", called: "call",
};

/** Whether every English sentence can also be told of somebody who was refused. */
export const everyVerbKnown = (): string[] => Object.values(en).filter((s) => !((s.split(" ")[0] ?? "") in infinitives));

interface Entry {
  user?: string;
  via?: string;
  operation: string;
  verb: string;
  kind: string;
  name?: string;
  result?: string;
}

/** Whether the console has a sentence of its own for an operation, in every language. */
export const hasWords = (operation: string): boolean => Object.values(words).every((w) => operation in w);

/** Who did it: a user, or what made the system do it. */
export function whoOf(entry: Entry, language: Language): string {
  if (entry.user) return entry.user;
  return vias[language][entry.via ?? ""] ?? entry.via ?? "–";
}

/** What was done; an operation without words is told by its verb and kind. */
export function whatOf(entry: Entry, language: Language): string {
  const said = words[language][entry.operation];
  if (said === undefined) return [entry.operation, entry.kind, entry.name].filter(Boolean).join(" ");
  const sentence = said.replace("NAME", entry.name ?? "").replace(/ {2,}/g, " ").trim();
  if (entry.result !== "refused") return sentence;
  if (language === "zh-CN") return `试图${sentence.replace("了", "")}`;
  const [verb = "", ...rest] = sentence.split(" ");
  return ["tried to", infinitives[verb] ?? verb, ...rest].join(" ");
}
