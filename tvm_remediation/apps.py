from django.apps import AppConfig


class TvmRemediationConfig(AppConfig):
    name = "tvm_remediation"
    verbose_name = "TVM Remediation"
