"""Refusals in the manner of ConnectWise: a status, a code, a message and what was wrong with each field.

The reference documents the shape of these bodies; exact codes vary between versions, so a caller
branches on the status and shows the text.
"""

from dataclasses import dataclass
from http import HTTPStatus

from portal.sandbox.jsontext import JsonValue, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a record.

    Args:
        code: ConnectWise's word for it, such as ``MissingRequiredField``.
        message: A sentence.
        resource: The kind of record, such as ``addition``.
        field: The field's name.
    """

    code: str
    message: str
    resource: str
    field: str


class Refusal(Exception):
    """An answer other than success.

    Args:
        status: The HTTP status.
        code: ConnectWise's word for the kind of refusal.
        message: A sentence.
        faults: What was wrong with each field, if fields are to blame.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str, faults: list[Fault] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.faults = faults

    def body(self) -> Record:
        """The body of the answer."""
        errors: JsonValue = None
        if self.faults is not None:
            errors = [
                {
                    "code": fault.code,
                    "message": fault.message,
                    "resource": fault.resource,
                    "field": fault.field,
                }
                for fault in self.faults
            ]
        return {"code": self.code, "message": self.message, "errors": errors}


def invalid(resource: str, *faults: Fault) -> Refusal:
    """A record that the PSA does not take."""
    return Refusal(HTTPStatus.BAD_REQUEST, "InvalidObject", f"{resource} object is invalid", list(faults))


def fault(resource: str, field: str, message: str, code: str = "InvalidField") -> Fault:
    """What is wrong with one field."""
    return Fault(code=code, message=message, resource=resource, field=field)


def missing_field(resource: str, field: str) -> Fault:
    """A required field that was left out."""
    return fault(resource, field, f"The {field} field is required.", "MissingRequiredField")


def not_found(what: str, key: object) -> Refusal:
    """No such record."""
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", f"{what} {key} not found")


def bad_request(code: str, message: str) -> Refusal:
    """A request that cannot be understood."""
    return Refusal(HTTPStatus.BAD_REQUEST, code, message)
