"""The files of a change, and the lines of one of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MARKS = "Of a line that was replaced by one much like it: which characters are the change, from and up to."


class SideShape(serializers.Serializer[Any]):
    """What there is to know of a file that is no text."""

    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField(required=False)
    kind = serializers.CharField(required=False, help_text="Of a picture: its media type, told by its bytes.")
    width = serializers.IntegerField(required=False)
    height = serializers.IntegerField(required=False)


class ChangedFileShape(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    url = serializers.URLField()
    path = serializers.CharField()
    old_path = serializers.CharField(allow_blank=True)
    status = serializers.CharField(help_text="added, deleted, modified, renamed, copied or mode.")
    binary = serializers.BooleanField()
    added = serializers.IntegerField(help_text="Lines.")
    removed = serializers.IntegerField(help_text="Lines.")
    modes = serializers.ListField(child=serializers.CharField(), required=False, help_text="Before and after, if odd.")
    similarity = serializers.IntegerField(required=False, help_text="Of a rename, in percent.")
    lines = serializers.IntegerField(required=False, help_text="How many the file has after the change.")
    sides = serializers.DictField(child=SideShape(), required=False, help_text="Of what is no text: `old` and `new`.")
    viewed = serializers.BooleanField(allow_null=True, help_text="Your own mark; null without an account.")


class DiffLineShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["context", "added", "removed", "remark"])
    old = serializers.IntegerField(allow_null=True)
    new = serializers.IntegerField(allow_null=True)
    text = serializers.CharField(allow_blank=True)
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), required=False, help_text=MARKS
    )


class HunkShape(serializers.Serializer[Any]):
    old_start = serializers.IntegerField()
    old_count = serializers.IntegerField()
    new_start = serializers.IntegerField()
    new_count = serializers.IntegerField()
    heading = serializers.CharField(allow_blank=True)
    lines = DiffLineShape(many=True)


class FileLinesShape(ChangedFileShape):
    hunks = HunkShape(many=True)
    next = serializers.URLField(allow_null=True, help_text="The address of the hunks after these.")


class ViewedShape(serializers.Serializer[Any]):
    path = serializers.CharField()
    viewed = serializers.BooleanField()
