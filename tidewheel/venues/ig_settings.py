"""Who logs in at IG: the settings of whoever hears it."""

from dataclasses import dataclass

from tidewheel.runtime.kafka_settings import SECRET_FILE
from tidewheel.runtime.settings import PREFIX, setting, text


@dataclass(frozen=True)  # without slots, so that it may be one of several bases
class IgSettings:
    """Secrets are files, read again at each login, so that what mounts them may replace them."""

    ig_username: str = setting(text, "", meaning="The user's name at IG, where IG is heard.")
    ig_password_file: str = setting(SECRET_FILE, "", meaning="File with the user's password at IG, one line.")
    ig_key_file: str = setting(SECRET_FILE, "", meaning="File with the key of IG's interface, one line.")

    def check_login(self) -> None:
        """Raises ValueError where IG could not be heard."""
        values = {"USERNAME": self.ig_username, "PASSWORD_FILE": self.ig_password_file, "KEY_FILE": self.ig_key_file}
        if missing := [f"{PREFIX}IG_{name}" for name, value in values.items() if not value]:
            raise ValueError(
                f"{', '.join(missing)}: IG is heard by who logs in: set {'it' if missing[1:] == [] else 'them'}"
            )
