// What the person who is signed in may do, for menus and buttons. The server decides again, whatever is shown here.
import { useQuery } from "@tanstack/react-query";
import type { Noun } from "../api/client";
import { me } from "../api/queries";

export type Role = Noun<"GroupRole">["role"];
export const roles = ["read", "edit", "manage"] as const satisfies readonly Role[];

export interface May {
  admin: boolean;
  /** Whether the role, or one that includes it, is held in a group. */
  in: (group: string | undefined, role: Role) => boolean;
  /** The same in at least one group: what changes templates, stacks, images and channels. */
  anywhere: (role: Role) => boolean;
}

const includes = (have: Role | undefined, want: Role): boolean => have !== undefined && roles.indexOf(have) >= roles.indexOf(want);

export function mayOf(user: Pick<Noun<"Me">, "admin" | "groups"> | undefined): May {
  const admin = user?.admin === true;
  const held = user?.groups ?? [];
  return {
    admin,
    in: (group, role) => admin || includes(held.find((g) => g.group === group)?.role, role),
    anywhere: (role) => admin || held.some((g) => includes(g.role, role)),
  };
}

/** Whether a review asks somebody: by name, or for a role in a group. */
export function asks(review: Pick<Noun<"ReviewRun">, "users" | "groups">, user: Pick<Noun<"Me">, "name" | "admin" | "groups"> | undefined): boolean {
  return user !== undefined && (review.users?.includes(user.name) === true || review.groups?.some((g) => mayOf(user).in(g.group, g.role)) === true);
}

export function useMay(): May {
  return mayOf(useQuery(me).data);
}
