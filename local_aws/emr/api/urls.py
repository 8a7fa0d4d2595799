"""The addresses of EMR, which moto finds next to `models`."""

from moto.emr import urls

from local_aws.emr.api.responses import EmrResponse

url_bases = urls.url_bases
url_paths = {"{0}/$": EmrResponse.dispatch}
