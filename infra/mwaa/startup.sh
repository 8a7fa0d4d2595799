#!/usr/bin/env bash
# MWAA's startup script: the settings of the deployment. `make mwaa-bundle` fills in the outputs of the stack.
set -euo pipefail

export FRUIT_FEATURES_BUCKET="@Bucket@"
export FRUIT_FEATURES_CODE_URI="@CodeUri@"
export FRUIT_FEATURES_INSTANCE_PROFILE="@InstanceProfile@"
export FRUIT_FEATURES_LANDING_QUEUE_URL="@LandingQueueUrl@"
export FRUIT_FEATURES_MESSAGES="@MessagesTopicArn@"
export FRUIT_FEATURES_REGION="@Region@"
export FRUIT_FEATURES_SECURITY_CONFIGURATION="@SecurityConfiguration@"
export FRUIT_FEATURES_SECURITY_GROUP_IDS="@SecurityGroupIds@"
export FRUIT_FEATURES_SERVICE_ROLE="@ServiceRole@"
export FRUIT_FEATURES_SUBNET_IDS="@SubnetIds@"
