import { useState } from "react";
import { useText } from "../../i18n";
import { PasswordDialog } from "./password";

const stored = "fairlead.password-later";

/** Asks for a password of one's own in place of the generated one; put off, it is asked again with the next sign-in. */
export function FirstPassword({ user }: { user: string }) {
  const { t } = useText();
  const [open, setOpen] = useState(() => sessionStorage.getItem(stored) !== user);
  const close = () => {
    sessionStorage.setItem(stored, user);
    setOpen(false);
  };
  if (!open) return null;
  return <PasswordDialog user={user} own title={t("people.first")} text={t("people.firstText")} cancel={t("people.later")} onClose={close} />;
}
