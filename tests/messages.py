"""A topic of SNS with a queue behind it, which counts what people are told."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Told:
    """What reached the queue; each reading takes away what it returns."""

    sqs: Any
    topic_arn: str
    queue_url: str

    @classmethod
    def at(cls, sns: Any, sqs: Any, name: str) -> "Told":
        """A topic and a queue of this name."""
        topic_arn = sns.create_topic(Name=name)["TopicArn"]
        queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
        return cls(sqs, topic_arn, queue_url)

    def read(self) -> list[dict[str, Any]]:
        """Return what came since the last reading, as SNS wraps it: Subject, Message, MessageAttributes."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return found


def facts(told: list[dict[str, Any]]) -> list[str]:
    return [message["MessageAttributes"]["fact"]["Value"] for message in told]
