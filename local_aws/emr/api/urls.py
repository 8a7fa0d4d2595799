"""The addresses of EMR, which moto finds next to `models`."""

from moto.emr.urls import url_bases

from local_aws.emr.api.responses import EmrResponse

__all__ = ["url_bases", "url_paths"]

url_paths = {"{0}/$": EmrResponse.dispatch}
