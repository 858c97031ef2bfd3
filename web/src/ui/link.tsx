import type { ComponentProps } from "react";
import { Button, type ButtonProps } from "antd";
import { createLink } from "@tanstack/react-router";

interface AnchorProps extends Omit<ButtonProps, "type"> {
  /** The look of the button; "type" is a word of links. */
  look?: ButtonProps["type"];
  ref?: React.Ref<HTMLAnchorElement>;
}

function Anchor({ ref, look, ...props }: AnchorProps) {
  return <Button {...props} type={look} ref={ref} />;
}

/** A button that leads to another page of the console; it is an anchor, so that it opens in a tab as well. */
export const LinkButton = createLink(Anchor);
export type LinkButtonProps = ComponentProps<typeof LinkButton>;
