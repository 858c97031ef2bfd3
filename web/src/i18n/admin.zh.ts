import type { adminEn } from "./admin.en";

type Like = { [S in keyof typeof adminEn]: { [K in keyof (typeof adminEn)[S]]: string } };

// 与人员和规则有关的页面的中文文本：流水线组、权限、审计、设置、模板库、封板与锁。
export const adminZh: Like = {
  places: { groups: "流水线组", audit: "审计日志", settings: "系统设置", gallery: "流水线模板", freezes: "封板与锁" },
  roles: { role: "角色", colon: "：", read: "只读", edit: "编辑", manage: "管理", none: "无", readText: "查看流水线，启动和停止执行", editText: "还可以创建和修改流水线", manageText: "还可以删除流水线、管理组内权限" },
  groups: {
    create: "创建流水线组", empty: "您在任何流水线组中都还没有角色。流水线组用来存放流水线，角色决定谁能对其做什么。请联系管理员授权。", emptyAdmin: "还没有流水线组。",
    role: "我的角色", pipelines: "流水线", members: "用户", limit: "并发执行上限", noLimit: "不限", editTitle: "修改 {{name}}", deleteTitle: "删除流水线组", deleteText: "将删除流水线组 {{name}}，组内用户将失去其中的角色。",
    holds: "该组中仍有流水线。请先删除它们，或将其移到其他组。", user: "用户", grant: "授予角色", grantTitle: "在 {{name}} 中授予角色", grantedBy: "授予人", grantedAt: "授予时间", revoke: "收回",
    revokeTitle: "收回角色", revokeText: "{{user}} 将失去在流水线组 {{name}} 中的全部权限。", changeRole: "{{user}} 的角色", noPipelines: "该组中还没有流水线。", noMembers: "还没有用户在该组中拥有角色，目前只有管理员可以使用它。",
    roleSaved: "{{user}} 的角色现为“{{role}}”。", nameHint: "小写字母、数字、连字符和下划线，以字母开头", all: "该组的全部流水线",
  },
  people: {
    roleInDefault: "在 default 组中的角色", disable: "停用", enable: "启用", disabled: "已停用", editTitle: "修改 {{name}}", disableTitle: "停用用户", disableText: "{{name}} 将无法登录，其令牌也会失效。",
    first: "请设置您自己的密码", firstText: "您登录所用的密码由服务器首次启动时生成，能看到其输出的人都知道这个密码。", later: "以后再说", mine: "我的权限",
    everything: "管理员拥有全部权限。", nothing: "您在任何流水线组中都还没有角色。请联系管理员授权。", noEmail: "未填写邮箱，将收不到邮件通知。", saved: "已保存。", you: "本人", search: "按名称或邮箱搜索",
  },
};
