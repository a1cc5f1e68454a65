from rest_framework import serializers

from config.accounts.models import Role, User


class UserOut(serializers.ModelSerializer[User]):
    role = serializers.ChoiceField(choices=Role.choices, allow_blank=True)

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "role"]
        read_only_fields = fields


class MeOut(serializers.Serializer):
    """``user`` is null before login."""

    user = UserOut(allow_null=True)


class LoginIn(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)
