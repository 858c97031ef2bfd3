import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";

// Links to the things of the console by their names.
export const StackLink = ({ name }: { name: string }) => <Link to="/stacks/$name" params={{ name }} search={{}}>{name}</Link>;
export const PipelineLink = ({ name }: { name: string }) => <Link to="/pipelines/$name" params={{ name }}>{name}</Link>;
export const RunLink = ({ id, children }: { id: string; children: ReactNode }) => <Link to="/runs/$id" params={{ id }} search={{}}>{children}</Link>;
export const TemplateLink = ({ name, version }: { name: string; version?: string }) => (
  <Link to="/templates/$name" params={{ name }} search={{ version }}>{version ? `${name}@${version}` : name}</Link>
);
